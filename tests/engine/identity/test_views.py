"""Photos become views; each is examined once."""

from __future__ import annotations

import logging

import pytest
from PIL import Image

from engine.errors import BadReference
from engine.identity.profile import Observation
from engine.identity.views import Views


class _Looks:
    """Counts the photos that it examines."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, image: Image.Image, person: object) -> Observation:
        self.count += 1
        return Observation(*image.size, quality=0.5, version="now")


def test_a_photo_is_looked_at_once(astronaut_jpeg: bytes) -> None:
    looks = _Looks()
    views = Views(looks, "now")
    first, second = views.open(astronaut_jpeg), views.open(astronaut_jpeg)
    assert looks.count == 1 and first.observation is second.observation
    assert first.image.size == (512, 512)


def test_what_was_stored_by_the_same_parser_is_used(astronaut_jpeg: bytes) -> None:
    looks = _Looks()
    stored = Observation(512, 512, quality=0.25, version="now").to_bytes()
    assert Views(looks, "now").open(astronaut_jpeg, stored).observation.quality == 0.25
    assert looks.count == 0


@pytest.mark.parametrize(
    "stored",
    [Observation(512, 512).to_bytes(), Observation(99, 512, version="now").to_bytes(), b"damaged"],
    ids=["of an earlier version", "of another size", "damaged"],
)
def test_what_does_not_fit_is_looked_at_anew(
    stored: bytes, astronaut_jpeg: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    looks = _Looks()
    with caplog.at_level(logging.WARNING):
        assert Views(looks, "now").open(astronaut_jpeg, stored).observation.version == "now"
    assert looks.count == 1 and len(caplog.records) == (stored == b"damaged")


def test_the_longest_unused_photo_is_forgotten_first(astronaut_jpeg: bytes) -> None:
    looks = _Looks()
    views = Views(looks, "now", cache_size=2)
    one, two, three = (astronaut_jpeg + end for end in (b"1", b"2", b"3"))
    for photo in (one, two, one, three, one):
        views.open(photo)
    assert looks.count == 3
    views.open(two)
    assert looks.count == 4


def test_what_is_no_photo_is_refused() -> None:
    with pytest.raises(BadReference):
        Views(_Looks(), "now").open(b"no photo")
