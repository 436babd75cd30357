"""python -m trainer.curate, within this process."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainer.curate.__main__ import main
from trainer.curate.dataset import read_curated


def test_a_crawl_becomes_a_data_set(crawl: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--data", str(crawl), "--out", str(tmp_path), "--min-side", "200", "--captioner", "template"]
    assert main(arguments) == 0
    assert [photo.source for photo in read_curated(tmp_path)] == ["ada/ada1.jpg", "ada/ada7.jpg"]
    assert "dropped: several faces" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--captioner", "llava"], "expected --captioner qwen:PATH, template or none"),
        (["--min-side", "0"], "min_side_px"),
        (["--face-root", "/nowhere"], "insightface pack"),
    ],
)
def test_mistakes_are_one_line(
    crawl: Path, tmp_path: Path, more: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--data", str(crawl), "--out", str(tmp_path), *more]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
