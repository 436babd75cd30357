"""`python -m bot`: the conversation and the dispatcher in one process, until SIGTERM or Ctrl-C.

Exits with 0 after an orderly stop, and with 2 and one line when the operator has to do something. The parts of the bot
are imported after the settings are read: aiogram alone takes seconds, and a wrong setting is reported at once.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from urllib.parse import unquote, urlsplit

from bot import logs
from bot.config import Config, load_config
from bot.db.address import read_address
from bot.errors import OperatorError
from engine.contract import MISCONFIGURED_EXIT_CODE


async def _main(config: Config) -> None:
    from bot.app import serve

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await serve(config, stop)


def _secrets(config: Config) -> list[str]:
    """Secrets that must not appear in logs: the token, and the passwords in addresses."""
    from bot.app import webhook_secret

    address = read_address(config.database_url.get_secret_value())
    broker_password = urlsplit(config.broker_url.get_secret_value()).password or ""
    return [
        config.bot_token.get_secret_value(),
        webhook_secret(config),
        *address.secrets,
        broker_password,
        unquote(broker_password),
    ]


def main() -> int:
    """The exit code."""
    try:
        config = load_config()
        logs.configure(config.log_level, as_json=config.log_json, secrets=_secrets(config))
        asyncio.run(_main(config))
    except OperatorError as error:
        print(f"bot: {error}", file=sys.stderr)
        return MISCONFIGURED_EXIT_CODE
    return 0


if __name__ == "__main__":
    sys.exit(main())
