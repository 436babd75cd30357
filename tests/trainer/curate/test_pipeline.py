"""A whole curation of a small crawl, with real detectors of faces and bodies."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.identity.faces import CascadeFinder, Face, InsightFaceFinder
from engine.identity.person_parser import ShippedParser
from engine.identity.profile import View
from trainer.curate.captioner import Caption, TemplateCaptioner
from trainer.curate.dataset import read_curated
from trainer.curate.looking import Experts
from trainer.curate.options import CurateOptions
from trainer.curate.pipeline import CurationOutcome, curate
from trainer.curate.records import Reason
from trainer.curate.watermark import CornerText, SharedOverlay
from trainer.errors import DataError


def _options(crawl: Path, out: Path, **more: object) -> CurateOptions:
    return CurateOptions.model_validate({"data": crawl, "out": out, "min_side_px": 200, "min_photos": 2, **more})


@dataclass
class CountingFinder:
    """The cascades; `looks` counts photos."""

    name: str = "cascades"
    looks: int = 0
    finder: CascadeFinder = field(default_factory=CascadeFinder)

    def find(self, image: Image.Image) -> list[Face]:
        self.looks += 1
        return self.finder.find(image)


@dataclass
class Interrupted:
    """A captioner that the user stops at the second photo."""

    name: str = "template"
    calls: int = 0

    def caption(self, views: Sequence[View]) -> list[Caption]:
        self.calls += 1
        if self.calls == 2:
            raise KeyboardInterrupt
        return TemplateCaptioner().caption(views)


@pytest.fixture(scope="module")
def experts(cascades: CascadeFinder, parser: ShippedParser) -> Experts:
    return Experts(cascades, parser, [SharedOverlay(), CornerText()], TemplateCaptioner())


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("curated")


@pytest.fixture(scope="module")
def outcome(crawl: Path, out: Path, experts: Experts) -> CurationOutcome:
    return curate(_options(crawl, out), experts)


@pytest.fixture
def copied(outcome: CurationOutcome, out: Path, tmp_path: Path) -> Path:
    """The curated folder with its memory, free to be changed."""
    return Path(shutil.copytree(out, tmp_path / "copied"))


def test_every_photo_has_its_verdict(outcome: CurationOutcome) -> None:
    assert {verdict.file_name: verdict.reason for verdict in outcome.verdicts} == {
        "ada1.jpg": None,
        "ada2.jpg": Reason.DUPLICATE,
        "ada3.jpg": Reason.UNREADABLE,
        "ada4.jpg": Reason.NO_FACE,
        "ada5.jpg": Reason.SEVERAL_FACES,
        "ada6.jpg": Reason.TOO_SMALL,
        "ada7.jpg": None,
        "ada8.jpg": Reason.UNREADABLE,
        "ada9.jpg": Reason.UNREADABLE,
        "bob1.jpg": Reason.TOO_FEW,
        "eve1.jpg": Reason.DUPLICATE,
    }


def test_what_is_kept_can_be_read_back_with_all_that_was_seen(outcome: CurationOutcome, out: Path) -> None:
    photos = read_curated(out)
    assert photos == outcome.kept and [photo.source for photo in photos] == ["ada/ada1.jpg", "ada/ada7.jpg"]
    for photo in photos:
        with Image.open(out / photo.file_name) as image:
            assert image.size == (photo.width, photo.height)
            assert image.getexif().get(0x0112, 1) == 1
        assert photo.face_box is not None
        x0, y0, x1, y1 = photo.face_box
        assert 0 <= x0 < x1 <= photo.width and 0 <= y0 < y1 <= photo.height
        assert photo.captioner == "template" and set(photo.captions) == {"en", "ru", "en_scene", "ru_scene"}
        assert photo.keypoints is not None and np.array(photo.keypoints).shape == (17, 3)
        assert photo.parts is not None
        with Image.open(out / photo.parts) as parts:
            values = np.asarray(parts)
        assert values.shape == (photo.height, photo.width) and 0.1 < (values > 0).mean() < 1
        assert values.max() <= 7


def test_where_a_photo_came_from_goes_along(outcome: CurationOutcome) -> None:
    assert outcome.kept[0].provenance == {"file_name": "ada1.jpg", "page_url": "http://site/1"}
    assert outcome.kept[1].provenance is None


def test_the_report_counts_and_shows_what_was_dropped(outcome: CurationOutcome, out: Path) -> None:
    report = json.loads((out / "report" / "report.json").read_text())
    assert (report["photos"], report["photos_kept"], report["persons"], report["persons_kept"]) == (11, 2, 3, 1)
    assert report["dropped"]["unreadable"] == 3 and sum(report["dropped"].values()) == 9
    assert report["experts"]["captioner"] == "template"
    lines = (out / "report" / "photos.jsonl").read_text().splitlines()
    assert [json.loads(line)["file_name"] for line in lines] == [verdict.file_name for verdict in outcome.verdicts]
    sheets = {path.stem for path in (out / "report").glob("*.jpg")}
    assert sheets == {"duplicate", "no-face", "several-faces", "too-small", "too-few-photos"}


def test_a_stopped_run_goes_on_without_looking_again(
    crawl: Path, tmp_path: Path, experts: Experts, outcome: CurationOutcome
) -> None:
    finder, words = CountingFinder(), Interrupted()
    stopped = replace(experts, finder=finder, captioner=words)
    with pytest.raises(KeyboardInterrupt):
        curate(_options(crawl, tmp_path), stopped)
    assert finder.looks > 0 and not (tmp_path / "metadata.jsonl").exists()
    looked = finder.looks
    again = curate(_options(crawl, tmp_path), stopped)
    assert again == outcome
    # eve and bob came after the interruption; eve's photo is ada's
    assert finder.looks == looked + 1
    assert words.calls == 3
    curate(_options(crawl, tmp_path), stopped)
    assert (finder.looks, words.calls) == (looked + 1, 3)


def test_a_damaged_memory_is_looked_at_anew(
    crawl: Path, copied: Path, experts: Experts, outcome: CurationOutcome
) -> None:
    for path in (copied / "cache").rglob("*.*.*"):
        path.write_bytes(path.read_bytes()[:20])
    assert curate(_options(crawl, copied), experts) == outcome


def test_other_limits_take_out_what_no_longer_belongs(
    crawl: Path, copied: Path, experts: Experts, outcome: CurationOutcome
) -> None:
    assert all((copied / photo.file_name).exists() for photo in outcome.kept)
    curate(_options(crawl, copied, min_side_px=400), experts)
    assert read_curated(copied) == []
    assert not any((copied / photo.file_name).exists() for photo in outcome.kept)
    assert (crawl / "ada" / "ada1.jpg").exists()


def test_a_stranger_in_the_folder_is_dropped(
    astronaut: Image.Image, insightface: InsightFaceFinder, parser: ShippedParser, tmp_path: Path
) -> None:
    folder = tmp_path / "crawl" / "ada"
    folder.mkdir(parents=True)
    for number, box in enumerate([(0, 0, 512, 512), (100, 0, 400, 300), (60, 0, 512, 330)], start=1):
        astronaut.crop(box).save(folder / f"ada{number}.jpg", quality=95)
    package = importlib.util.find_spec("insightface")
    assert package is not None and package.origin is not None
    with Image.open(Path(package.origin).parent / "data" / "images" / "t1.jpg") as group:
        group = group.convert("RGB")
        x0, y0, x1, y1 = insightface.find(group)[0].box
        group.crop((int(x0 - 30), int(y0 - 30), int(x1 + 30), int(y1 + 30))).save(folder / "ada4.jpg", quality=95)
    options = _options(tmp_path / "crawl", tmp_path / "out", min_side_px=100)
    outcome = curate(options, Experts(insightface, parser))
    reasons = [verdict.reason for verdict in outcome.verdicts]
    assert reasons == [None, None, None, Reason.OTHER_PERSON]
    assert outcome.kept[0].face_embedding is not None


def test_an_empty_folder_is_one_line(tmp_path: Path, experts: Experts) -> None:
    with pytest.raises(DataError, match="expected photos as"):
        curate(_options(tmp_path / "nowhere", tmp_path / "out"), experts)


def test_a_data_set_that_lost_a_file_is_refused(copied: Path, outcome: CurationOutcome) -> None:
    (copied / outcome.kept[0].file_name).unlink()
    with pytest.raises(DataError, match="found none; curate anew"):
        read_curated(copied)
