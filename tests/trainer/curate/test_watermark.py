"""Marks of a site on real pictures, half transparent, at one place; and pictures without any."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image, ImageDraw, ImageFont

from trainer.curate.watermark import PHOTOS_MIN, CornerText, SharedOverlay

COUNT = 60
WITHOUT = 20
"""The last photos carry no mark."""


@pytest.fixture(scope="module")
def clean() -> list[Image.Image]:
    """Crops of scikit-image's pictures, of many sizes; printed pages are left out."""
    folder = Path(skimage.data.__file__).parent
    paths = [path for path in sorted(folder.iterdir()) if path.suffix in (".png", ".jpg")]
    whole = [Image.open(path).convert("RGB") for path in paths if path.stem not in ("text", "page")]
    whole = [picture for picture in whole if min(picture.size) >= 256]
    rng = np.random.default_rng(11)
    return [_crop(whole[number % len(whole)], rng) for number in range(COUNT)]


@pytest.fixture(scope="module")
def marked(clean: list[Image.Image]) -> list[Image.Image]:
    return [_with_logo(photo, 0.5) for photo in clean[:-WITHOUT]] + clean[-WITHOUT:]


def _crop(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    width, height = (int(side * rng.uniform(0.5, 1)) for side in picture.size)
    left, top = int(rng.integers(picture.width - width + 1)), int(rng.integers(picture.height - height + 1))
    size = (int(rng.integers(400, 600)), int(rng.integers(400, 700)))
    return picture.crop((left, top, left + width, top + height)).resize(size)


def _with_logo(photo: Image.Image, alpha: float) -> Image.Image:
    layer = Image.new("RGBA", photo.size, (255, 255, 255, 0))
    brush, font = ImageDraw.Draw(layer), ImageFont.load_default(24)
    _, _, right, bottom = brush.textbbox((0, 0), "gallery.example", font=font)
    place = (photo.width - right - 12, photo.height - bottom - 10)
    brush.text(place, "gallery.example", font=font, fill=(255, 255, 255, round(255 * alpha)))
    return Image.alpha_composite(photo.convert("RGBA"), layer).convert("RGB")


def test_a_logo_at_one_place_is_learnt_and_found_again(marked: list[Image.Image]) -> None:
    detector = SharedOverlay()
    detector.learn(marked)
    assert "bottom right" in detector.places
    found = [detector.find(photo) is not None for photo in marked]
    assert np.mean(found[:-WITHOUT]) >= 0.85
    assert np.mean(found[-WITHOUT:]) <= 0.1


def test_photos_without_a_logo_teach_nothing(clean: list[Image.Image]) -> None:
    detector = SharedOverlay()
    detector.learn(clean)
    assert detector.places == [] and detector.find(clean[0]) is None


def test_a_few_photos_are_not_enough_to_tell(marked: list[Image.Image]) -> None:
    detector = SharedOverlay()
    detector.learn(marked[: PHOTOS_MIN - 1])
    assert detector.places == []


def test_what_was_learnt_changes_the_version(marked: list[Image.Image]) -> None:
    detector, fresh = SharedOverlay(), SharedOverlay()
    detector.learn(marked)
    assert detector.version != fresh.version


def test_opaque_text_at_the_edge_is_read_as_a_mark(clean: list[Image.Image], astronaut: Image.Image) -> None:
    detector = CornerText()
    assert detector.find(astronaut) is None
    assert str(detector.find(_with_logo(astronaut, 1.0))).startswith("text at the bottom")
    marked = [detector.find(_with_logo(photo, 1.0)) is not None for photo in clean]
    plain = [detector.find(photo) is not None for photo in clean]
    assert np.mean(marked) > 0.3 > 0.1 > np.mean(plain)
