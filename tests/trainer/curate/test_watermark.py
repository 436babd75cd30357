"""Marks of a site on real pictures, half transparent, at one place; and pictures without any."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image, ImageDraw, ImageFont

from trainer.curate.watermark import PHOTOS_MIN, CornerText, SharedOverlay, largest_beside

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


def test_what_a_logo_leaves_of_a_photo_does_not_have_it(marked: list[Image.Image], clean: list[Image.Image]) -> None:
    detector = SharedOverlay()
    detector.learn(marked)
    cut = 0
    for with_logo, without in zip(marked[:-WITHOUT], clean, strict=False):
        found = detector.find(with_logo)
        if found is None or not found.words.startswith("overlay at bottom right"):
            continue
        cut += 1
        assert np.array_equal(np.asarray(with_logo.crop(found.clean)), np.asarray(without.crop(found.clean)))
        x0, y0, x1, y1 = found.clean
        assert (x1 - x0) * (y1 - y0) > 0.8 * with_logo.width * with_logo.height
    assert cut > 20


def test_the_largest_part_beside_a_mark_is_kept() -> None:
    assert largest_beside((10.2, 90.5, 60, 110), 100, 100) == (0, 0, 100, 90)
    assert largest_beside((-5, -5, 100, 8.5), 100, 100) == (0, 9, 100, 100)
    assert largest_beside((0, 40, 20, 60), 100, 100) == (20, 0, 100, 100)


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
    found = detector.find(_with_logo(astronaut, 1.0))
    assert found is not None and found.words.startswith("text at the bottom")
    assert found.clean == (0, 0, 512, 512 - round(0.14 * 512))
    marked = [detector.find(_with_logo(photo, 1.0)) is not None for photo in clean]
    plain = [detector.find(photo) is not None for photo in clean]
    assert np.mean(marked) > 0.3 > 0.1 > np.mean(plain)
