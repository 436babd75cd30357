"""The facts of a photo that a phrase states."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from trainer.synthetic.identity import Hair, Identity
from trainer.synthetic.phrasing.chance import happens, shuffled
from trainer.synthetic.shot import Shot
from trainer.synthetic.wardrobe import Garment

GARMENTS_SAID: Final = (0.12, 0.42, 0.37, 0.09)
"""Chances to name none, one, two or three garments."""
FRAMING_SAID: Final = {"full": 0.5, "waist": 0.65, "portrait": 0.85}
POSE_SAID: Final = {True: 0.6, False: 0.94}
"""The probability of naming the pose; key: whether the person just stands, which users rarely mention."""
PLACE_SAID: Final = 0.94


@dataclass(frozen=True)
class Facts:
    """Facts to state. None is not stated, except `woman`, which grammar needs; `who` names the person by sex and age.
    `garments` run from the top down, then the hat."""

    woman: bool
    age_group: str
    who: bool
    hair: Hair | None
    beard: bool
    glasses: bool
    garments: tuple[Garment, ...]
    bag: Garment | None
    pose: str | None
    place: str | None
    framing: str | None


def phrase_facts(identity: Identity, shot: Shot, full: bool, rng: np.random.Generator) -> Facts:
    """Random facts of the photo: always the pose or the place; facts about the person only if `full`."""
    standing = shot.pose.name == "standing"
    pose = None if shot.framing == "portrait" or not happens(rng, POSE_SAID[standing]) else shot.pose.name
    place = shot.background if pose is None or happens(rng, PLACE_SAID) else None
    framing = shot.framing if happens(rng, FRAMING_SAID[shot.framing]) else None
    if not full:
        return Facts(identity.woman, identity.age_group, False, None, False, False, (), None, pose, place, framing)
    garments = _garments(identity, shot, rng)
    hair = identity.hair if happens(rng, 0.35 if garments else 0.8) else None
    return Facts(
        woman=identity.woman,
        age_group=identity.age_group,
        who=happens(rng, 0.7) or (not garments and hair is None),
        hair=hair,
        beard=identity.beard and happens(rng, 0.5),
        glasses=identity.glasses and happens(rng, 0.6),
        garments=garments,
        bag=identity.bag if shot.framing != "portrait" and happens(rng, 0.5) else None,
        pose=pose,
        place=place,
        framing=framing,
    )


def visible_garments(identity: Identity, shot: Shot) -> tuple[Garment, ...]:
    """The garments inside the frame, from the top down, then the hat."""
    bottom = identity.bottom if shot.framing != "portrait" else None
    shoes = identity.shoes if shot.framing == "full" else None
    return tuple(garment for garment in (identity.top, bottom, shoes, identity.hat) if garment is not None)


def _garments(identity: Identity, shot: Shot, rng: np.random.Generator) -> tuple[Garment, ...]:
    """Some of the visible ones; the first two are named more often than shoes."""
    garments = visible_garments(identity, shot)
    number = int(rng.choice(len(GARMENTS_SAID), p=GARMENTS_SAID))
    weights = np.array([0.3 if garment is identity.shoes else 1.0 for garment in garments])
    order = shuffled(rng, range(len(garments)))
    order.sort(key=lambda index: -weights[index] * float(rng.random()))
    chosen = sorted(order[:number])
    return tuple(garments[index] for index in chosen)
