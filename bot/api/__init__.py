"""The HTTP API for other apps, and the Mini App, with the same queue, use cases and ledger as the chat."""
