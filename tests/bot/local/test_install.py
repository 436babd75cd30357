"""The one moving line shown while pip works."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.local.install import describe, show

OUTPUT = [
    "Looking in indexes: somewhere\n",
    "Collecting torch==2.13.0 (from bolid==0.1.0)\n",
    "  Downloading https://example.org/wheels/torch-2.13.0-cp311.whl (200 MB)\n",
    "Installing collected packages: torch, rich\n",
]


@pytest.mark.parametrize(
    ("line", "step"),
    [
        (OUTPUT[0], None),
        (OUTPUT[1], "finding torch"),
        (OUTPUT[2], "downloading torch-2.13.0-cp311.whl (200 MB)"),
        (OUTPUT[3], "installing everything"),
        ("Collecting celery[redis]<5.8,>=5.7\n", "finding celery"),
    ],
)
def test_lines_of_pip_become_steps(line: str, step: str | None) -> None:
    assert describe(line) == step


def test_the_whole_output_goes_to_the_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert show(OUTPUT, tmp_path / "install.log") == OUTPUT
    assert (tmp_path / "install.log").read_text() == "".join(OUTPUT)
    assert len(capsys.readouterr().out.splitlines()) <= 1
