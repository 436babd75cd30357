"""Looks: every garment shows its part, in its colour, and faces are drawn whole."""

from dataclasses import replace

import numpy as np
import pytest

from trainer.synthetic import Identity, sample_identity
from trainer.synthetic.body import rest_body
from trainer.synthetic.face import SPREADS
from trainer.synthetic.parts import Part
from trainer.synthetic.render import Photo, render_shots
from trainer.synthetic.shot import Framing, Shot, sample_shot
from trainer.synthetic.wardrobe import BAGS, BOTTOMS, HATS, MOTIFS, SHOES, TOPS, Garment, Motif, Outfit, Pattern

SEED = 8
RED = (0.80, 0.09, 0.10)
BLUE = (0.13, 0.33, 0.82)
GREEN = (0.12, 0.52, 0.20)
WHITE = (0.93, 0.93, 0.92)
BLACK = (0.07, 0.07, 0.08)


def garment(kind: str, pattern: Pattern = "plain", motif: Motif | None = None) -> Garment:
    return Garment(kind, "red", RED, pattern, "blue", BLUE, motif)


def wearing(**changes: Garment | None) -> Identity:
    plain = Outfit(
        top=Garment("t-shirt", "white", WHITE),
        bottom=Garment("trousers", "black", BLACK),
        shoes=Garment("shoes", "green", GREEN),
        hat=None,
        bag=None,
        neckline="round",
    )
    person = replace(sample_identity(SEED), glasses=False, beard=False)
    return replace(person, outfit=replace(plain, **changes))  # type: ignore[arg-type]


def photo(identity: Identity, framing: Framing = "full", yaw_deg: float = 10.0, height: int = 120) -> Photo:
    shot: Shot = sample_shot(SEED, 0)
    pose = replace(shot.pose, name="standing", yaw_deg=yaw_deg, head_yaw_deg=0.0)
    shot = replace(shot, framing=framing, pose=pose, background="studio")
    return render_shots(identity, [shot], height, height * 2 // 3)[0]


def reddish(picture: Photo, part: Part) -> float:
    """The number of red pixels of a part."""
    red, green, blue = picture.image[picture.parts == part].astype(float).T
    return float((red > 1.6 * np.maximum(green, blue)).sum())


@pytest.mark.parametrize("kind", TOPS)
def test_a_top_shows_as_top_in_its_colour(kind: str) -> None:
    dress: dict[str, Garment | None] = {"bottom": None} if kind == "dress" else {}
    assert reddish(photo(wearing(top=garment(kind), **dress)), Part.TOP) > 60


@pytest.mark.parametrize("kind", BOTTOMS)
def test_a_bottom_shows_as_bottom_in_its_colour(kind: str) -> None:
    assert reddish(photo(wearing(bottom=garment(kind))), Part.BOTTOM) > 60


@pytest.mark.parametrize("kind", SHOES)
def test_shoes_show_as_shoes_in_their_colour(kind: str) -> None:
    assert reddish(photo(wearing(shoes=garment(kind))), Part.SHOES) > 6


@pytest.mark.parametrize("kind", HATS)
def test_a_hat_shows_as_accessory_in_its_colour(kind: str) -> None:
    assert reddish(photo(wearing(hat=garment(kind))), Part.ACCESSORY) > 20


@pytest.mark.parametrize(("kind", "yaw_deg"), [("shoulder bag", 10.0), ("backpack", 160.0)])
def test_a_bag_shows_as_accessory_in_its_colour(kind: str, yaw_deg: float) -> None:
    assert kind in BAGS
    assert reddish(photo(wearing(bag=garment(kind)), yaw_deg=yaw_deg), Part.ACCESSORY) > 20


def test_the_straps_of_a_backpack_are_seen_from_the_front() -> None:
    assert reddish(photo(wearing(bag=garment("backpack"))), Part.ACCESSORY) > 3


def test_a_coat_reaches_further_down_than_a_jacket() -> None:
    lowest = {}
    for kind in ("jacket", "coat"):
        picture = photo(wearing(top=garment(kind)))
        lowest[kind] = np.flatnonzero((picture.parts == Part.TOP).any(axis=1)).max()
    assert lowest["coat"] > lowest["jacket"] + 8


def test_boots_cover_more_than_shoes() -> None:
    covered = {kind: (photo(wearing(shoes=garment(kind))).parts == Part.SHOES).sum() for kind in ("shoes", "boots")}
    assert covered["boots"] > 1.5 * covered["shoes"]


@pytest.mark.parametrize("pattern", ["striped", "checked", "two-tone"])
def test_a_pattern_shows_both_colours(pattern: Pattern) -> None:
    picture = photo(wearing(top=garment("t-shirt", pattern)), "waist")
    red, _, blue = picture.image[picture.parts == Part.TOP].astype(float).T
    assert (red > 1.5 * blue).mean() > 0.15
    assert (blue > 1.2 * red).mean() > 0.1


@pytest.mark.parametrize("motif", MOTIFS)
def test_a_print_is_on_the_chest_and_not_on_the_back(motif: Motif) -> None:
    counts = {}
    for yaw_deg in (10.0, 170.0):
        picture = photo(wearing(top=garment("t-shirt", "print", motif)), "waist", yaw_deg)
        red, _, blue = picture.image[picture.parts == Part.TOP].astype(float).T
        counts[yaw_deg] = (blue > 1.2 * red).sum()
    assert counts[10.0] > 20
    assert counts[170.0] == 0


def test_a_portrait_has_eyes_with_whites_and_dark_pupils() -> None:
    picture = photo(replace(wearing(), iris=(0.24, 0.13, 0.07)), "portrait", height=360)
    for x, y, visible in picture.keypoints[1:3]:
        around = (slice(int(y) - 4, int(y) + 5), slice(int(x) - 8, int(x) + 9))
        eye = picture.image[around][picture.parts[around] == Part.FACE].max(axis=-1)
        assert visible
        assert eye.min() < 0.35 * eye.max()


def test_glasses_are_accessories() -> None:
    assert (photo(replace(wearing(), glasses=True), "portrait").parts == Part.ACCESSORY).sum() > 15


@pytest.mark.parametrize("name", SPREADS)
def test_every_change_of_shape_moves_the_body_and_leaves_it_whole(name: str) -> None:
    person = sample_identity(SEED)
    usual = rest_body(person.phenotype).vertices
    changed = rest_body(person.phenotype, ((name, 0.7),)).vertices
    moved = np.linalg.norm(changed - usual, axis=1)
    assert 0.0005 < moved.max() < 0.15
