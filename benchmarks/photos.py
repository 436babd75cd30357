"""Real photos that packages bring (photos.json) and changed copies of them, to measure the person parser on.

The truth was read by eye off the pictures: people who may be meant, framing, joints, outlines. This module imports
nothing that reads photos, so that one table can hold figures of two versions.
"""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

TRUTH: Final = Path(__file__).with_suffix(".json")
SIDE_MAX_PX: Final = 1280
NEAR: Final = 0.1
"""A joint is right within this share of the longer side of the person's outline."""
JOINTS: Final = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
    "right_ankle",
)  # fmt: skip
Box = tuple[float, float, float, float]
Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TruePerson:
    """joints: name -> x, y px, those that the photo shows; outline [N, 2] px."""

    joints: dict[str, tuple[float, float]]
    outline: Points

    @property
    def box(self) -> Box:
        (x0, y0), (x1, y1) = self.outline.min(0), self.outline.max(0)
        return float(x0), float(y0), float(x1), float(y1)


@dataclass(frozen=True, eq=False)
class PhotoCase:
    """One photo with its truth; `framings` may be several where the cut lies between two, and empty where it is not
    judged."""

    name: str
    change: str
    image: Image.Image
    people: int
    framings: tuple[str, ...]
    persons: tuple[TruePerson, ...]


@dataclass(frozen=True, eq=False)
class PhotoReading:
    """The readings of one version: joints float [17, 3] px in COCO order, mask bool [H, W]."""

    verdict: str
    people: int
    framing: str | None = None
    keypoints: NDArray[np.float32] | None = None
    mask: NDArray[np.bool_] | None = None


Read = Callable[[Image.Image, Box | None], PhotoReading]
"""A photo, and the box of the person chosen among several -> what was seen."""


def load_cases(wheels: Path | None = None) -> list[PhotoCase]:
    """The photos of installed packages, and of wheels in a folder, with copies; what is not there is left out."""
    cases: list[PhotoCase] = []
    for entry in json.loads(TRUTH.read_text("utf-8"))["photos"]:
        image = _open(entry["package"], entry["file"], wheels)
        if image is None:
            continue
        case = _case(entry, image)
        cases += [case, *(_copies(case) if case.people else ())]
    return cases


def _case(entry: dict[str, Any], image: Image.Image) -> PhotoCase:
    width, height = image.size
    persons = tuple(
        TruePerson(
            {name: (x * width, y * height) for name, (x, y) in person["joints"].items()},
            np.array(person["outline"]) * (width, height),
        )
        for person in entry.get("persons", ())
    )
    if crop := entry.get("crop"):
        image = image.crop(tuple(round(share * side) for share, side in zip(crop, (width, height) * 2, strict=True)))
    return PhotoCase(entry["name"], "", image, entry["people"], tuple(entry.get("framings", ())), persons)


def _copies(case: PhotoCase) -> Iterator[PhotoCase]:
    """Changed in ways that leave the truth as it is, or change it in a known way."""
    image = case.image
    yield replace(case, change="grey", image=ImageOps.grayscale(image).convert("RGB"))
    yield replace(case, change="dark", image=ImageEnhance.Brightness(image).enhance(0.35))
    yield _moved(case, "small", image.resize(_scaled(image, 300 / max(image.size))), _scaling(image, 300))
    yield _moved(case, "mirrored", ImageOps.mirror(image), lambda at: at * (-1, 1) + (image.width, 0), swaps=True)
    yield _rotated(case, 15)
    if case.people == 1:
        twice = Image.new("RGB", (image.width * 2, image.height))
        twice.paste(image, (0, 0))
        twice.paste(ImageOps.mirror(image), (image.width, 0))
        yield replace(case, change="beside its mirror image", image=twice, people=2, framings=())
    if case.framings == ("full_length",):
        legs = image.crop((0, round(image.height * 0.55), image.width, image.height))
        yield replace(case, change="legs alone", image=legs, people=0, framings=(), persons=())


def _scaled(image: Image.Image, factor: float) -> tuple[int, int]:
    return max(round(image.width * factor), 1), max(round(image.height * factor), 1)


def _scaling(image: Image.Image, side: int) -> Callable[[Points], Points]:
    return lambda at: at * (side / max(image.size))


def _rotated(case: PhotoCase, degrees: float) -> PhotoCase:
    """About the middle, grey beyond the edge."""
    middle = np.array(case.image.size) / 2
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = np.array([[cosine, -sine], [sine, cosine]])
    image = case.image.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=(128, 128, 128))
    return _moved(case, "rotated", image, lambda at: (at - middle) @ turn + middle)


def _moved(
    case: PhotoCase, change: str, image: Image.Image, where: Callable[[Points], Points], *, swaps: bool = False
) -> PhotoCase:
    def person_moved(person: TruePerson) -> TruePerson:
        joints = {}
        for name, at in person.joints.items():
            x, y = where(np.array(at))
            joints[_other_side(name) if swaps else name] = (float(x), float(y))
        return TruePerson(joints, where(person.outline))

    persons = tuple(map(person_moved, case.persons))
    return replace(case, change=change, image=image, persons=persons)


def _other_side(name: str) -> str:
    sides = {"left": "right", "right": "left"}
    first, _, rest = name.partition("_")
    return f"{sides[first]}_{rest}" if first in sides else name


def _open(package: str, file: str, wheels: Path | None) -> Image.Image | None:
    content = _content(package, file, wheels)
    if content is None:
        return None
    with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as opened:
        image = opened.convert("RGB")
    image.thumbnail((SIDE_MAX_PX, SIDE_MAX_PX))
    return image


def _content(package: str, file: str, wheels: Path | None) -> bytes | None:
    try:
        path = Path(str(distribution(package).locate_file(file)))
        if path.is_file():
            return path.read_bytes()
    except PackageNotFoundError:
        pass
    for wheel in [] if wheels is None else sorted(wheels.glob(f"{package}-*.whl")):
        with zipfile.ZipFile(wheel) as opened:
            return opened.read(file)
    return None


def measure(cases: Sequence[PhotoCase], read: Read) -> list[dict[str, Any]]:
    """A row per case: what was expected and seen, shares of joints within NEAR, IoU of masks, CPU seconds."""
    return [_row(case, read) for case in cases]


def _row(case: PhotoCase, read: Read) -> dict[str, Any]:
    began = time.process_time()
    result = read(case.image, None)
    seconds = time.process_time() - began
    near: list[bool] = []
    overlaps: list[float] = []
    for person in case.persons:
        found = result if case.people == 1 else read(case.image, person.box)
        near += _near(person, found.keypoints)
        overlaps.append(_overlap(person, found.mask, case.image.size))
    return {
        "name": case.name,
        "change": case.change,
        "people": case.people,
        "verdict": result.verdict,
        "seen": result.people,
        "people_right": result.people == case.people,
        "accepted_right": (result.verdict == "accepted") == (case.people == 1),
        "framing": result.framing,
        "framing_right": result.framing in case.framings if case.framings else None,
        "joints": len(near),
        "joints_near": sum(near),
        "iou": [round(value, 3) for value in overlaps],
        "seconds": round(seconds, 3),
    }


def _near(person: TruePerson, keypoints: NDArray[np.float32] | None) -> list[bool]:
    x0, y0, x1, y1 = person.box
    reach = NEAR * max(x1 - x0, y1 - y0)
    if keypoints is None:
        return [False] * len(person.joints)
    points = {name: keypoints[JOINTS.index(name), :2] for name in person.joints}
    return [bool(np.hypot(*(points[name] - at)) <= reach) for name, at in person.joints.items()]


def _overlap(person: TruePerson, mask: NDArray[np.bool_] | None, size: tuple[int, int]) -> float:
    """Intersection over union of the outline and the mask."""
    if mask is None:
        return 0.0
    drawn = Image.new("1", size)
    ImageDraw.Draw(drawn).polygon([(float(x), float(y)) for x, y in person.outline], fill=1)
    outline = np.asarray(drawn)
    return float((outline & mask).sum() / max((outline | mask).sum(), 1))


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """The figures over all rows."""
    framed = [row["framing_right"] for row in rows if row["framing_right"] is not None]
    portraits = [row["accepted_right"] for row in rows if row["people"] == 1]
    overlaps = [value for row in rows for value in row["iou"]]
    joints = sum(row["joints"] for row in rows)
    return {
        "photos": len(rows),
        "people counted": _share([row["people_right"] for row in rows]),
        "one person, accepted": _share(portraits),
        "framing": _share(framed),
        "joints within a tenth": round(sum(row["joints_near"] for row in rows) / max(joints, 1), 3),
        "mask IoU, median": round(float(np.median(overlaps)), 3) if overlaps else 0.0,
        "CPU seconds, median": round(float(np.median([row["seconds"] for row in rows])), 2) if rows else 0.0,
    }


def _share(right: Sequence[bool]) -> float:
    return round(sum(right) / len(right), 3) if right else 0.0
