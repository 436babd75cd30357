"""COCO's validation set, read from a small folder of the official layout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from trainer.errors import DataError
from trainer.evaluation.coco import read_captions


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    """Three images out of order, the first two captioned twice."""
    images = [{"id": number, "file_name": f"{number:012d}.jpg", "width": 8, "height": 8} for number in (785, 139, 632)]
    annotations = [
        {"id": 9, "image_id": 139, "caption": "A later caption."},
        {"id": 4, "image_id": 785, "caption": "A woman on skis. \n"},
        {"id": 3, "image_id": 139, "caption": "A room with a chair."},
        {"id": 7, "image_id": 632, "caption": "A bed."},
        {"id": 8, "image_id": 785, "caption": "Another."},
    ]
    _write(tmp_path, {"info": {}, "licenses": [], "images": images, "annotations": annotations})
    (tmp_path / "val2017").mkdir()
    for image in images:
        Image.new("RGB", (8, 8)).save(tmp_path / "val2017" / str(image["file_name"]))
    return tmp_path


def _write(folder: Path, content: dict[str, Any]) -> None:
    (folder / "annotations").mkdir(exist_ok=True)
    (folder / "annotations" / "captions_val2017.json").write_text(json.dumps(content))


def test_each_image_gives_its_first_caption_in_the_order_of_ids(coco: Path) -> None:
    captions = read_captions(coco, limit=3)
    assert [(caption.image_id, caption.text) for caption in captions] == [
        (139, "A room with a chair."),
        (632, "A bed."),
        (785, "A woman on skis."),
    ]
    assert all(caption.path.is_file() and int(caption.path.stem) == caption.image_id for caption in captions)


def test_a_reduced_run_is_the_beginning_of_a_larger_one(coco: Path) -> None:
    assert read_captions(coco, limit=2) == read_captions(coco, limit=3)[:2]


def test_the_whole_protocol_wants_five_thousand_images(coco: Path) -> None:
    with pytest.raises(DataError, match=r"expected 5000 captioned images .* got 3"):
        read_captions(coco)


def test_an_empty_folder_says_what_to_download(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"found none; download annotations_trainval2017\.zip") as caught:
        read_captions(tmp_path)
    assert "\n" not in str(caught.value)


def test_captions_without_their_photos_are_refused(coco: Path) -> None:
    (coco / "val2017" / "000000000632.jpg").unlink()
    with pytest.raises(DataError, match=r"1 are absent \(000000000632\.jpg first\); download .*val2017\.zip"):
        read_captions(coco, limit=3)
    assert len(read_captions(coco, limit=1)) == 1


@pytest.mark.parametrize("content", ["{", '{"images": [{"id": "x"}], "annotations": []}', "[]"])
def test_a_damaged_file_is_one_line(coco: Path, content: str) -> None:
    (coco / "annotations" / "captions_val2017.json").write_text(content)
    with pytest.raises(DataError, match="damaged file") as caught:
        read_captions(coco, limit=1)
    assert "\n" not in str(caught.value)


def test_a_limit_below_one_is_refused(coco: Path) -> None:
    with pytest.raises(DataError, match="at least 1"):
        read_captions(coco, limit=0)
