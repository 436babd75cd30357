"""The worker process: tasks in, replies out. It has no access to the database, to Telegram or to secrets."""
