"""Curated photos as training reads them: cropped around the body, with boxes, joints and parts moved accordingly."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from trainer.curate.records import CuratedPhoto
from trainer.errors import DataError
from trainer.shards import read_shards
from trainer.study.curated import curated_people, joined
from trainer.study.methods.base import fitted_autoencoder, new_base
from trainer.study.methods.photos import ConditionDropout, StudyPhotos
from trainer.synthetic.shards import ShardPlan, write_shards

NOSE, ANKLE = (210, 130), (190, 520)
BODY = (120.0, 60.0, 300.0, 560.0)


def a_photo(folder: Path, person: str, number: int, body: bool = True) -> CuratedPhoto:
    """Grey, with a red nose and a blue ankle, 400 x 600 px; parts: skin around the nose."""
    picture = np.full((600, 400, 3), 128, np.uint8)
    parts = np.zeros((600, 400), np.uint8)
    for (x, y), colour in ((NOSE, (255, 0, 0)), (ANKLE, (0, 0, 255))):
        picture[y - 12 : y + 12, x - 12 : x + 12] = colour
    parts[NOSE[1] - 12 : NOSE[1] + 12, NOSE[0] - 12 : NOSE[0] + 12] = 1
    name, mask = f"{person}{number}.png", f"{person}{number}-parts.png"
    Image.fromarray(picture).save(folder / name)
    Image.fromarray(parts).save(folder / mask)
    joints = [[float(NOSE[0]), float(NOSE[1]), 0.9], *([[0.0, 0.0, 0.1]] * 15), [float(ANKLE[0]), float(ANKLE[1]), 0.8]]
    return CuratedPhoto(
        file_name=name,
        person=person,
        width=400,
        height=600,
        face_box=(180, 90, 240, 150),
        face_landmarks=None,
        face_embedding=None,
        body_box=BODY if body else None,
        keypoints=joints if body else None,
        parts=mask if body else None,
        captions={"en": f"{person} in a grey coat"},
        captioner="none",
        sha256=f"{person}{number}",
        source=name,
        provenance=None,
    )


def curated(folder: Path, *photos: CuratedPhoto) -> Path:
    (folder / "metadata.jsonl").write_text("".join(photo.model_dump_json() + "\n" for photo in photos), "utf-8")
    return folder


def test_joints_parts_and_boxes_stay_on_what_they_name(tmp_path: Path) -> None:
    photos = [a_photo(tmp_path, "ada", number) for number in range(2)] + [a_photo(tmp_path, "eve", 0, body=False)]
    people = curated_people(curated(tmp_path, *photos), 64, 96)
    assert people.images.shape == (2, 96, 64, 3) and people.parts.shape == (2, 96, 64)
    (nose, ankle), seen = people.keypoints[0, [0, 16], :2].round().astype(int), people.keypoints[0, :, 2]
    assert people.images[0, nose[1], nose[0], 0] > 200 > 60 > people.images[0, nose[1], nose[0], 2]
    assert people.images[0, ankle[1], ankle[0], 2] > 200
    assert people.parts[0, nose[1], nose[0]] == 1
    assert seen[0] == seen[16] == 1 and seen[1:16].sum() == 0
    left, top, right, bottom = people.face_box[0]
    assert left < nose[0] < right and top < nose[1] < bottom
    assert people.head_box[0, 1] < top and people.head_box[0, 3] == pytest.approx(bottom)


def test_real_people_join_rendered_ones_and_get_their_whole_caption(tmp_path: Path) -> None:
    write_shards(tmp_path / "shards", ShardPlan(0, 2, 2, 96, 64), workers=1)
    rendered = read_shards(tmp_path / "shards")
    people = joined(
        rendered, curated_people(curated(tmp_path, *(a_photo(tmp_path, "ada", n) for n in range(2))), 64, 96)
    )
    assert len(people.images) == len(rendered.images) + 2 == len(people.captions)
    assert people.manifest["hash"] != rendered.manifest["hash"]
    assert len(people.siblings()) == 3
    base = new_base(fitted_autoencoder(torch.rand(8, 3, 96, 64) * 2 - 1), 64, 96).frozen()
    photos = StudyPhotos(people, base)
    dropout = ConditionDropout(text=0, person=0, both=0, other_clothes=0, scene_only=1.0)
    rows = [photos._row(dropout, 1, np.random.default_rng(seed)) for seed in range(40)]
    real = [row for row in rows if row["target"] >= len(rendered.images)]
    assert real and all(row["caption"] == "ada in a grey coat" for row in real)
    assert all({int(row["references"][0]), row["target"]} == {4, 5} for row in real)


def test_people_seen_once_are_no_data_to_pair(tmp_path: Path) -> None:
    folder = curated(tmp_path, a_photo(tmp_path, "ada", 0), a_photo(tmp_path, "eve", 0))
    with pytest.raises(DataError, match="two photos of their body"):
        curated_people(folder, 64, 96)
