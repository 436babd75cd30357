"""`python -m engine.worker` loads the configured backbone and works until it is stopped."""

from __future__ import annotations

import argparse
import logging
import os
import secrets
import socket
import sys
from collections.abc import Sequence

from engine.config import load_config
from engine.contract import MISCONFIGURED_EXIT_CODE
from engine.errors import SetupError
from engine.factory import assemble
from engine.worker.logs import configure_logs
from engine.worker.process import Worker, warm_up

log = logging.getLogger("engine.worker")


def main(arguments: Sequence[str] | None = None) -> int:
    """Loads, warms up and runs the worker; the exit code. A missing part of the installation is an error of one line on
    stderr."""
    description = "Draws pictures for the bot until it is stopped; docs/settings.md lists its settings (ENGINE_...)."
    argparse.ArgumentParser(prog="python -m engine.worker", description=description).parse_args(arguments)
    try:
        config = load_config()
        configure_logs(config.log_level)
        worker_id = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        generator = assemble(config, worker_id)
        worker = Worker(config, generator, worker_id)
    except SetupError as error:
        print(f"engine.worker: {error}", file=sys.stderr)
        return MISCONFIGURED_EXIT_CODE
    backbone = generator.backbone
    warm_up(backbone)
    log.info(
        "%s draws with %s on %s, looks with %s",
        worker_id,
        backbone.capabilities.name,
        backbone.device,
        generator.examiner.name,
    )
    return worker.run()


if __name__ == "__main__":
    sys.exit(main())
