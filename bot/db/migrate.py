"""`python -m bot.db.migrate`: alembic with the migrations of this installation, also where there is no alembic.ini.

Without arguments it is `alembic upgrade head`. The database is DATABASE_URL, or `-x url=...`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from alembic.config import CommandLine, Config

MIGRATIONS = Path(__file__).parents[2] / "migrations"
"""The folder of the migrations, in the source tree and in an installed wheel alike."""


def main(arguments: Sequence[str]) -> None:
    """Runs alembic with `arguments`. Ends the process as alembic does when a command fails."""
    command_line = CommandLine(prog="python -m bot.db.migrate")
    options = command_line.parser.parse_args(list(arguments) or ["upgrade", "head"])
    config = Config(cmd_opts=options)
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    command_line.run_cmd(config, options)


if __name__ == "__main__":
    main(sys.argv[1:])
