"""Downloaded bytes that are, or are not, a picture."""

from __future__ import annotations

import io

from PIL import Image

from trainer.crawl.outcome import Outcome
from trainer.crawl.picture import Picture, inspect


def test_a_phones_jpeg_of_several_pictures_is_a_jpeg() -> None:
    buffer = io.BytesIO()
    photo = Image.new("RGB", (64, 48), "green")
    photo.save(buffer, "MPO", save_all=True, append_images=[photo.resize((32, 24))])
    assert inspect(buffer.getvalue()) == Picture(".jpg", 64, 48)


def test_formats_that_are_not_asked_for_are_no_images() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48)).save(buffer, "TIFF")
    assert inspect(buffer.getvalue()) is Outcome.NOT_AN_IMAGE
