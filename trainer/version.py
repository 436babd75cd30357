"""Which state of the code made a checkpoint."""

from __future__ import annotations

import subprocess
from pathlib import Path


def commit() -> str:
    """The short hash of HEAD, or "unknown" outside a checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
