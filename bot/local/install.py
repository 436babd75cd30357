"""`python -m bot.local.install ARGUMENTS` is `pip install ARGUMENTS` that shows one moving line instead of a page.

Runs in a fresh environment, so it uses the standard library alone. pip's whole output goes to install.log in the
environment; its end is shown if the installation fails.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

QUIET_INTERVAL_S = 20.0
TAIL_LINES = 15
_STEPS = {
    "Collecting": "finding",
    "Downloading": "downloading",
    "Building": "building",
    "Installing collected packages": "installing",
}


def main(arguments: list[str]) -> int:
    """Install, and give pip's exit code."""
    log = Path(sys.prefix) / "install.log"
    started = time.monotonic()
    print("Installing into .venv: a few minutes the first time, mostly torch.", flush=True)
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--progress-bar",
        "off",
        "--no-input",
        "--no-compile",
        *arguments,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        assert pip.stdout is not None
        lines = show(pip.stdout, log)
    if pip.returncode != 0:
        print(*lines[-TAIL_LINES:], sep="", end="")
        print(f"The installation failed (the whole log: {log}). It needs a package index that pip can reach.")
        return pip.returncode
    print(f"Installed in {time.monotonic() - started:.0f} s.", flush=True)
    return 0


def show(output: Iterable[str], log: Path) -> list[str]:
    """Pass pip's lines to the log and its present step to the terminal; gives all lines."""
    lines: list[str] = []
    last_shown = time.monotonic()
    with log.open("w") as file:
        for line in output:
            lines.append(line)
            file.write(line)
            step = describe(line)
            if step and sys.stdout.isatty():
                print(f"\r\033[K  {step}", end="", flush=True)
            elif step and time.monotonic() - last_shown > QUIET_INTERVAL_S:
                print(f"  {step}", flush=True)
                last_shown = time.monotonic()
    if sys.stdout.isatty():
        print("\r\033[K", end="")
    return lines


def describe(line: str) -> str | None:
    """The step that a line of pip's output reports, in words; None if it reports no step."""
    for start, verb in _STEPS.items():
        if line.lstrip().startswith(start):
            rest = line.lstrip()[len(start) :].strip(" :\n")
            what = rest.split("/")[-1] if verb == "downloading" else re.split(r"[ <>=!;\[]", rest)[0]
            return f"{verb} {'everything' if verb == 'installing' else what[:60]}"
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
