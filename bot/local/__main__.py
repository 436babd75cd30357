"""`python -m bot.local run` keeps the whole product up; `python -m bot.local demo` plays one conversation through it;
`backup FILE` and `restore FILE` save and replace the database.

`make run` and `make demo` call these. State lies in `.stack/` (BOLID_STATE names another folder).
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from bot.local.backup import BackupError, backup, database, restore
from bot.local.environment import ROOT, read_environment
from bot.local.parts import StackError, shown
from bot.local.supervisor import TEND_INTERVAL_S, Stack, StopRequested, kept_up
from bot.local.terminal import Terminal


def main() -> int:
    """Run the command and give its exit code."""
    parser = argparse.ArgumentParser(prog="python -m bot.local", description=__doc__)
    parser.add_argument("command", choices=("run", "demo", "backup", "restore"))
    parser.add_argument("file", type=Path, nargs="?", help="of backup and restore")
    arguments = parser.parse_args()
    command = arguments.command
    if (arguments.file is None) == (command in ("backup", "restore")):
        parser.error("backup and restore take a file, run and demo none")
    terminal = Terminal(Console())
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    environment = read_environment()
    state_dir = Path(environment.get("BOLID_STATE", str(ROOT / ".stack")))
    try:
        if arguments.file is not None:
            return save_or_replace(command, arguments.file, environment, state_dir, terminal)
        if command == "run":
            return run(Stack(state_dir, terminal, environment), terminal)
        from bot.local.demo import play  # it brings the drawing of the contact sheet

        return play(state_dir / "demo", terminal, environment)
    except (StackError, BackupError) as error:
        terminal.fail(str(error))
        return 1
    except StopRequested:
        terminal.quiet()
        return 0 if command == "run" else 130


def save_or_replace(
    command: str, file: Path, environment: Mapping[str, str], state_dir: Path, terminal: Terminal
) -> int:
    """Runs the command `backup` or `restore`. Raises BackupError."""
    if command == "backup":
        with database(environment, state_dir, alone=False) as url:
            backup(url, file)
        terminal.done(f"saved to {file}. It holds photos of people: keep it encrypted.")
    else:
        with database(environment, state_dir, alone=True) as url:
            restore(url, file)
        terminal.done(f"restored from {file}")
    return 0


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
