"""`python -m bot.local run` keeps the whole product up; `python -m bot.local demo` plays one conversation through it.

`make run` and `make demo` call these. State lies in `.stack/` (BOLID_STATE names another folder).
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from pathlib import Path

from rich.console import Console

from bot.local.environment import ROOT, read_environment
from bot.local.supervisor import (
    TEND_INTERVAL_S,
    Stack,
    StackError,
    StopRequested,
    kept_up,
    shown,
)
from bot.local.terminal import Terminal


def main() -> int:
    """Run the command and give its exit code."""
    parser = argparse.ArgumentParser(prog="python -m bot.local", description=__doc__)
    parser.add_argument("command", choices=("run", "demo"))
    command = parser.parse_args().command
    terminal = Terminal(Console())
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    environment = read_environment()
    state_dir = Path(environment.get("BOLID_STATE", str(ROOT / ".stack")))
    try:
        if command == "run":
            return run(Stack(state_dir, terminal, environment), terminal)
        from bot.local.demo import play  # it brings the drawing of the contact sheet

        return play(state_dir / "demo", terminal, environment)
    except StackError as error:
        terminal.fail(str(error))
        return 1
    except StopRequested:
        terminal.quiet()
        return 0 if command == "run" else 130


def run(stack: Stack, terminal: Terminal) -> int:
    """Keep the stack up until a signal (StopRequested) or until a part cannot be kept up (StackError)."""
    try:
        with kept_up(stack):
            logs = shown(stack.state_dir / "logs")
            where = f"open {stack.chat_url}/ in a browser" if stack.chat_url else "serving Telegram"
            terminal.done(f"up: {where}. Logs in {logs}/. Ctrl-C stops everything.")
            while True:
                stack.tend()
                time.sleep(TEND_INTERVAL_S)
    finally:
        terminal.done("stopped")


if __name__ == "__main__":
    sys.exit(main())
