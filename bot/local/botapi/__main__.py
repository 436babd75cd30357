"""`python -m bot.local.botapi`: the server by itself, until SIGINT or SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

from bot.local.botapi.errors import StorageError
from bot.local.botapi.server import LocalBotAPI
from bot.local.defaults import DEFAULT_TOKEN


async def serve(port: int, data_dir: Path | None, token: str) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopped.set)
    async with LocalBotAPI(port, data_dir, token=token) as api:
        print(f"chat page and Bot API: {api.url}/", flush=True)
        await stopped.wait()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bot.local.botapi", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--data-dir", type=Path, help="keeps chats and files; without it they go with the server")
    parser.add_argument(
        "--token", default=os.environ.get("BOT_TOKEN") or DEFAULT_TOKEN, help="the bot's token (default: BOT_TOKEN)"
    )
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    try:
        asyncio.run(serve(arguments.port, arguments.data_dir, arguments.token))
    except (StorageError, OSError, ValueError) as error:
        print(f"local Bot API: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
