"""Load and faults: simulated users of the whole service, on this machine alone.

Everything is real but two parts: Telegram is the local Bot API server, and pictures come from a backbone that declares
itself a fake (`backbone.py`). So the figures are those of the bot, of Postgres, of Valkey, and of the worker without
its model.
"""
