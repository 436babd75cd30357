"""The watermark on pictures by nano and on photos: a small part of the measurement of `python -m trainer watermark`."""

from __future__ import annotations

import json
from pathlib import Path

from engine.backbones import load_backbone
from engine.identity.faces import CascadeFinder
from engine.marking.watermark import Watermark
from trainer.watermark import TREATMENTS, drawn, measure, measure_null, photos, write_figures

WATERMARK = Watermark("BoLID")


def test_only_marked_pictures_are_recognised_as_marked(shards: Path) -> None:
    pictures = drawn(load_backbone("nano", "cpu"), CascadeFinder(), shards, 8)
    assert len({picture.tobytes() for picture in pictures}) == 8
    figures = measure(pictures, WATERMARK)
    assert (figures["marked"], figures["others"]) == (4, 4)
    assert figures["read_back"] >= 0.95 and figures["false_positives"] == 0
    assert figures["psnr_db"]["median"] > 40


def test_marks_on_photos_as_small_as_nanos_are_read_back() -> None:
    pictures = photos(80, (128, 192))
    figures = measure(pictures, WATERMARK, {"resized, jpeg": TREATMENTS["resized, jpeg"]})
    assert (figures["marked"], figures["others"]) == (40, 40)
    assert figures["read_back"] >= 0.95 and figures["false_positives"] == 0
    assert figures["psnr_db"]["median"] > 38


def test_wrong_keys_score_at_chance_level() -> None:
    null = measure_null(photos(5, (128, 192)))
    assert null["scores"] == 100 and 0.7 < null["deviation"] < 1.3


def test_the_figures_of_every_set_are_written(tmp_path: Path) -> None:
    out = tmp_path / "watermark.json"
    write_figures(photos(2, (128, 192)), 1, WATERMARK, out)
    written = json.loads(out.read_text("utf-8"))
    assert list(written["sets"]) == ["nano", "nano enlarged", "photos small", "photos large"]
    assert written["false_positive_rate_at_most"] <= 1e-6
