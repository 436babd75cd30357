"""The commit that made a checkpoint."""

from __future__ import annotations

import subprocess
from pathlib import Path


def commit() -> str:
    """The short hash of HEAD, or "unknown" outside a checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:  # no git on this machine
        return "unknown"
    return done.stdout.strip() or "unknown"
