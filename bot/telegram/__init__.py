"""The conversation in Telegram: connection, updates, handlers, keyboards."""
