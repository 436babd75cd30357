"""Duplicates, people and the order of verdicts in a folder of photos."""

from __future__ import annotations

from pathlib import Path

import imagehash
import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from trainer.curate.folder import Candidate
from trainer.curate.likeness import Hashed, duplicates, majority
from trainer.curate.options import CurateOptions
from trainer.curate.records import MarkLook, PhotoFindings, Reason, SeenFace
from trainer.curate.sieve import Judged, enough, sift

OPTIONS = CurateOptions(data=Path("a"), out=Path("b"), min_side_px=100)


def _photo(number: int, embedding: list[float] | None = None, mark: str | None = None, **look: object) -> Judged:
    face = SeenFace(box=(0, 0, 50, 50), embedding=embedding)
    fields = {"width": 200, "height": 200, "perceptual": f"{number * 0x1111_0F0F_3333:016x}", "faces": [face], **look}
    return Judged(
        Candidate("ada", Path(f"ada{number}.jpg"), f"{number}"),
        PhotoFindings.model_validate(fields),
        MarkLook(found=mark),
    )


def test_the_larger_of_two_near_duplicates_stays(astronaut: Image.Image) -> None:
    pictures = [astronaut.resize((200, 200)), astronaut, Image.fromarray(np.asarray(astronaut)[:, ::-1])]
    photos = [Hashed(str(imagehash.phash(image)), image.width * image.height) for image in pictures]
    assert duplicates(photos, bits=6) == {0: 1}


def test_faces_far_from_the_largest_group_are_separated() -> None:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(2, 128))
    faces = np.concatenate([centres[[0] * 6], centres[[1] * 3]]) + 0.7 * rng.normal(size=(9, 128))
    cosines = majority((faces / np.linalg.norm(faces, axis=1, keepdims=True)).astype(np.float32), 0.3)
    assert (cosines[:6] > 0.5).all() and (cosines[6:] < 0.3).all()


def test_a_folder_without_a_majority_is_nobodys() -> None:
    photos = [_photo(number, np.eye(4)[number].tolist()) for number in range(4)]
    assert {photo.reason for photo in sift(photos, OPTIONS, {})} == {Reason.NO_MAJORITY}


def test_without_embeddings_nobody_is_called_a_stranger() -> None:
    assert [photo.reason for photo in sift([_photo(1), _photo(2)], OPTIONS, {})] == [None, None]


def test_a_photo_has_the_first_reason_that_holds() -> None:
    bad = _photo(1, mark="text", width=10, faces=[])
    assert sift([bad], OPTIONS, {})[0].reason is Reason.WATERMARK
    assert sift([_photo(1, width=10, faces=[])], OPTIONS, {})[0].reason is Reason.NO_FACE
    assert sift([_photo(1, width=10)], OPTIONS, {})[0].reason is Reason.TOO_SMALL


def test_a_passer_by_counts_unless_a_share_is_given() -> None:
    faces = [SeenFace(box=(0, 0, 100, 100)), SeenFace(box=(0, 0, 20, 20))]
    assert sift([_photo(1, faces=faces)], OPTIONS, {})[0].reason is Reason.SEVERAL_FACES
    lenient = OPTIONS.model_copy(update={"background_face": 0.3})
    assert sift([_photo(1, faces=faces)], lenient, {})[0].reason is None


def test_of_several_people_the_one_who_is_clear_is_kept() -> None:
    ada, eve = [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]
    alone = [_photo(number, ada) for number in range(3)]

    def pair(*faces: tuple[float, list[float]]) -> Judged:
        faces_found = [SeenFace(box=(0, 0, side, side), embedding=embedding) for side, embedding in faces]
        return sift([*alone, _photo(9, faces=faces_found)], OPTIONS, {})[-1]

    chosen = pair((50, eve), (40, ada))
    assert chosen.reason is None and chosen.face is not None and chosen.face.embedding == ada
    assert chosen.detail == "one of 2 faces"
    assert pair((50, eve), (20, ada)).reason is Reason.SEVERAL_FACES
    assert pair((50, ada), (50, ada)).reason is Reason.SEVERAL_FACES
    assert pair((50, eve), (50, eve)).reason is Reason.SEVERAL_FACES
    small = _photo(9, faces=[SeenFace(box=(0, 0, 50, 50), embedding=e) for e in (ada, eve)], width=10)
    assert sift([*alone, small], OPTIONS, {})[-1].reason is Reason.SEVERAL_FACES


def test_too_few_photos_take_out_the_person_but_keep_earlier_reasons() -> None:
    photos = [_photo(1), _photo(2).dropped(Reason.NO_FACE)]
    assert [photo.reason for photo in enough(photos, OPTIONS)] == [Reason.TOO_FEW, Reason.NO_FACE]


@pytest.mark.parametrize("out", ["a", "a/b", "."])
def test_a_data_set_inside_the_crawl_is_refused(out: str) -> None:
    with pytest.raises(ValidationError, match="outside --data"):
        CurateOptions(data=Path("a"), out=Path(out))
