"""Photos are grouped by their clothes; photos without a face or with a mark are kept where possible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.identity.body import Body, DetectedPerson
from engine.identity.faces import Face
from engine.identity.observation import Box, Observation
from trainer.curate.captioner import TemplateCaptioner
from trainer.curate.dataset import read_curated
from trainer.curate.looking import Experts
from trainer.curate.options import CurateOptions
from trainer.curate.outfits import FAR, OutfitEvidence, distance_of, garments_of, outfits, taken_at
from trainer.curate.pipeline import CurationOutcome, curate
from trainer.curate.records import Reason
from trainer.curate.watermark import FoundMark

RED, BLUE, GREEN, FACE = (200, 30, 35), (40, 60, 190), (90, 200, 60), (230, 180, 150)
TOP, BOTTOM, SKIN = 3, 4, 1
NOON = datetime(2026, 5, 1, 12)


def evidence(light: float, a: float = 0.0, number: int = 0, **more: object) -> OutfitEvidence:
    garments = np.full((3, 4), np.nan, np.float32)
    garments[0] = light, a, 0, 0
    return OutfitEvidence(garments, f"{number * 0x1111_0F0F_3333_5A5A % 2**64:016x}", **more)  # type: ignore[arg-type]


def test_alike_clothes_are_one_outfit_in_the_order_of_the_photos() -> None:
    photos = [evidence(20, 0, 1), evidence(20, 60, 2), evidence(25, 0, 3), evidence(22, 64, 4)]
    assert outfits(photos) == [0, 1, 0, 1]
    unseen = replace(photos[0], garments=np.full((3, 4), np.nan, np.float32))
    assert outfits([unseen, *photos, unseen]) == [None, 0, 1, 0, 1, None]
    assert outfits([unseen]) == [None] and outfits([photos[0]]) == [0] and outfits([]) == []


def test_photos_that_were_taken_together_may_differ_more_and_of_other_days_less() -> None:
    plain = distance_of(evidence(20, 0, 1), evidence(30, 0, 2))
    assert plain == pytest.approx(10)
    page = distance_of(evidence(20, 0, 1, page="p"), evidence(30, 0, 2, page="p"))
    hour = distance_of(evidence(20, 0, 1, taken=NOON), evidence(30, 0, 2, taken=NOON + timedelta(hours=1)))
    view = distance_of(evidence(20, 0, 1), evidence(30, 0, 1))
    assert page == hour == view < plain
    days = [evidence(20, 0, 1, taken=NOON, page="p"), evidence(30, 0, 2, taken=NOON + timedelta(days=3), page="p")]
    assert distance_of(*days) > plain


def test_photos_that_show_no_garment_in_common_are_far_apart() -> None:
    other = evidence(20)
    garments = other.garments[[1, 0, 2]]
    assert distance_of(other, replace(other, garments=garments)) == FAR


def test_garments_are_read_off_the_part_map() -> None:
    pixels, parts = np.zeros((100, 60, 3), np.uint8), np.full((100, 60), TOP, np.uint8)
    pixels[:50], pixels[50:], parts[50:] = RED, BLUE, BOTTOM
    parts[0, 0] = 5
    found = garments_of(Image.fromarray(pixels), Observation(60, 100, parts=parts, parts_box=(0, 0, 60, 100)))
    assert found[0, 1] > 40 and found[1, 2] < -40  # red, blue
    assert np.isnan(found[2]).all()  # one pixel of shoes is not to be trusted
    assert np.isnan(garments_of(Image.fromarray(pixels), Observation(60, 100))).all()


def test_the_time_is_the_cameras(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2026:05:01 12:00:00"
    Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg", exif=exif)
    Image.new("RGB", (8, 8)).save(tmp_path / "b.jpg")
    (tmp_path / "c.jpg").write_bytes(b"no photo")
    assert [taken_at(tmp_path / f"{name}.jpg") for name in "abc"] == [NOON, None, None]


class DrawnPeople:
    """Reads the pictures of `person_in`: a face, if there is one, and a body in two garments."""

    name = version = "drawn"

    def find(self, image: Image.Image) -> list[Face]:
        pixels = np.asarray(image, int)
        is_face = np.abs(pixels - FACE).max(2) < 12
        rows, columns = np.nonzero(is_face)
        if len(rows) < 100:
            return []
        box = (float(columns.min()), float(rows.min()), float(columns.max() + 1), float(rows.max() + 1))
        return [Face(box, embedding=np.eye(8, dtype=np.float32)[0])]

    def detect(self, image: Image.Image, faces: Sequence[Box] = ()) -> list[DetectedPerson]:
        return [DetectedPerson((60.0, 20.0, 140.0, float(image.height)), None)]

    def parse(self, image: Image.Image, box: Box, face: Box | None = None) -> Body | None:
        height, width = image.height, image.width
        parts = np.zeros((height, width), np.uint8)
        parts[20:60, 80:120], parts[60:150, 60:140], parts[150:, 60:140] = SKIN, TOP, BOTTOM
        joints = np.array([[100.0, 30.0 + 10 * joint, 0.95] for joint in range(17)], np.float32)
        return Body(
            (60.0, 20.0, 140.0, float(height)),
            joints,
            parts,
            (0.0, 0.0, float(width), float(height)),
            np.eye(8, dtype=np.float32)[0],
        )


class RedStrip:
    """A detector of a red line that a site draws along the lower edge."""

    version = "strip"

    def learn(self, photos: object) -> None:
        """Does nothing: the line is known."""

    def find(self, photo: Image.Image) -> FoundMark | None:
        marked = np.asarray(photo)[-1, 0].tolist() == [255, 0, 0]
        return FoundMark("a red line", (0, 0, photo.width, photo.height - 20)) if marked else None


def person_in(colour: tuple[int, int, int], seed: int, face: bool = True, mark: bool = False) -> Image.Image:
    """A picture of 200 x 260 px: a top of that colour before a random background."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 120, (6, 5, 3), np.uint8))
    pixels = np.array(coarse.resize((200, 260), Image.Resampling.BICUBIC))
    pixels[60:150, 60:140], pixels[150:, 60:140] = colour, (60, 60, 60)
    pixels[20:60, 80:120] = FACE if face else (50, 30, 20)
    if mark:
        pixels[-20:] = (255, 0, 0)
    return Image.fromarray(pixels)


@pytest.fixture(scope="module")
def curated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CurationOutcome]:
    crawl, out = (tmp_path_factory.mktemp(name) for name in ("crawl", "curated"))
    (crawl / "ada").mkdir()
    looks: list[tuple[tuple[int, int, int], dict[str, bool]]] = [
        (RED, {}), (BLUE, {}), (RED, {}), (RED, {"face": False}), (GREEN, {"face": False}), (BLUE, {"mark": True}),
    ]  # fmt: skip
    for number, (colour, more) in enumerate(looks, start=1):
        person_in(colour, number, **more).save(crawl / "ada" / f"ada{number}.png")
    person_in(RED, 4, face=False).save(crawl / "ada" / "ada7.png", compress_level=1)  # other bytes, the same picture
    people = DrawnPeople()
    options = CurateOptions(data=crawl, out=out, min_side_px=150, duplicate_bits=0)
    return out, curate(options, Experts(people, people, [RedStrip()], TemplateCaptioner()))  # type: ignore[arg-type]


def test_outfits_stand_in_the_data_set(curated: tuple[Path, CurationOutcome]) -> None:
    worn = {photo.source: photo.outfit for photo in read_curated(curated[0])}
    assert worn == {
        "ada/ada1.png": "ada-0", "ada/ada2.png": "ada-1", "ada/ada3.png": "ada-0", "ada/ada4.png": "ada-0",
        "ada/ada6.png": "ada-1",
    }  # fmt: skip


def test_without_a_face_a_photo_is_kept_where_the_clothes_are_known(curated: tuple[Path, CurationOutcome]) -> None:
    reasons = {verdict.file_name: verdict.reason for verdict in curated[1].verdicts}
    assert reasons["ada4.png"] is None and reasons["ada5.png"] is Reason.NO_FACE
    assert reasons["ada7.png"] is Reason.DUPLICATE
    faceless = next(photo for photo in curated[1].kept if photo.source == "ada/ada4.png")
    assert faceless.face_box is None and faceless.keypoints is not None and faceless.parts is not None


def test_a_mark_at_the_edge_is_cut_off(curated: tuple[Path, CurationOutcome]) -> None:
    out, outcome = curated
    photo = next(photo for photo in outcome.kept if photo.source == "ada/ada6.png")
    assert (photo.width, photo.height) == (200, 240) and photo.file_name.endswith("ada6-cropped.jpg")
    with Image.open(out / photo.file_name) as image:
        assert image.size == (200, 240) and np.asarray(image)[-1, 0].tolist() != [255, 0, 0]
    assert photo.parts is not None
    with Image.open(out / photo.parts) as parts:
        assert parts.size == (200, 240)
    verdict = next(verdict for verdict in outcome.verdicts if verdict.file_name == "ada6.png")
    assert verdict.detail == "cut off: a red line"
