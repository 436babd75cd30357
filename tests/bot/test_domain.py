"""Rules without a database."""

from __future__ import annotations

import pytest

from bot.domain import SCALES, Likeness, clothes_of, likeness_of, settings_overrides
from bot.styles import Style, Styles
from engine.contract import Clothes, Settings

TITLE = {"en": "x", "ru": "x"}


@pytest.mark.parametrize("likeness", Likeness)
@pytest.mark.parametrize("clothes", Clothes)
def test_what_is_wished_becomes_settings_and_can_be_read_from_them(likeness: Likeness, clothes: Clothes) -> None:
    overrides = settings_overrides(likeness, clothes)
    settings = Settings.model_validate(overrides)
    assert (settings.face_scale, settings.body_scale) == SCALES[likeness]
    assert settings.clothes == clothes
    assert (likeness_of(overrides), clothes_of(overrides)) == (likeness, clothes)


def test_more_of_the_face_is_less_of_the_body() -> None:
    face, even, body = (Settings.model_validate(settings_overrides(each, None)) for each in Likeness)
    assert face.face_scale > even.face_scale > body.face_scale
    assert face.body_scale < even.body_scale < body.body_scale


def test_what_nobody_chose_is_left_to_the_style() -> None:
    assert settings_overrides(None, None) == {}
    presets = [
        Style(name="none", title=TITLE, emoji="x"),
        Style(name="suit", title=TITLE, emoji="x", settings=Settings(steps=3, clothes=Clothes.CHANGE)),
    ]
    styles = Styles(presets)
    merged = styles.settings("suit", settings_overrides(Likeness.FACE, None))
    assert Settings.model_validate(merged) == Settings(
        steps=3, clothes=Clothes.CHANGE, face_scale=SCALES[Likeness.FACE][0], body_scale=SCALES[Likeness.FACE][1]
    )
    assert clothes_of(styles.settings("suit", settings_overrides(None, "keep"))) == Clothes.KEEP
