"""Text files from outside: a byte order mark, as editors on Windows write it, hides none of their content."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from trainer.curate.folder import candidates
from trainer.evaluation.coco import ANNOTATIONS, PHOTOS, read_captions
from trainer.study.run import read_config

ROOT = Path(__file__).parents[2]


def test_the_first_record_of_a_crawl_is_found(tmp_path: Path) -> None:
    photo = tmp_path / "anna" / "anna1.jpg"
    photo.parent.mkdir()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(photo)
    record = {"file_name": "anna1.jpg", "page_url": "https://example.org/1"}
    (photo.parent / "metadata.jsonl").write_text(json.dumps(record) + "\n", "utf-8-sig")
    (candidate,) = candidates("anna", [photo])
    assert candidate.provenance == record


def test_captions_of_coco_are_read(tmp_path: Path) -> None:
    content = {
        "images": [{"id": 1, "file_name": "1.jpg"}],
        "annotations": [{"id": 1, "image_id": 1, "caption": "a dog"}],
    }
    for path in (tmp_path / ANNOTATIONS, tmp_path / PHOTOS / "1.jpg"):
        path.parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / PHOTOS / "1.jpg").write_bytes(b"x")
    (tmp_path / ANNOTATIONS).write_text(json.dumps(content), "utf-8-sig")
    assert [caption.text for caption in read_captions(tmp_path, limit=1)] == ["a dog"]


def test_a_study_is_read(tmp_path: Path) -> None:
    shipped = ROOT / "trainer" / "configs" / "study.yaml"
    (tmp_path / "study.yaml").write_text(shipped.read_text("utf-8"), "utf-8-sig")
    assert read_config(tmp_path / "study.yaml") == read_config(shipped)
