"""The pictures that one backbone draws of the cases, as users ask for them and with a part of the input withheld."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from engine.backbones.base import Capabilities
from engine.contract import Settings
from trainer.gates.cases import SIZE, Case
from trainer.gates.drawing import GateRequest, Pictures, Studio
from trainer.gates.joints import pose_of
from trainer.gates.styles import PLAIN

WORDS_MAX: Final = 200
"""People whose typed scene and changed garment are drawn."""
NEXT_SEED: Final = 1 << 40
"""Added to the seed of a case for its second picture."""


@dataclass(frozen=True)
class Variant:
    """A change of the usual requests. needs: the capability without which the backbone ignores the change."""

    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    pose: bool = True
    words: bool = True
    needs: str | None = None

    def lacks(self, capabilities: Capabilities) -> bool:
        return self.needs is not None and not getattr(capabilities, self.needs)


USUAL: Final = Variant("usual")
WITHHELD: Final = (
    Variant("reference", {"face_scale": 0.0, "body_scale": 0.0}, needs="strength"),
    Variant("pose", {"pose_scale": 0.0}, pose=False, needs="pose"),
    Variant("words", words=False),
)
"""Variants in which one condition is withheld: the photo (strength 0, see `engine.contract.Settings`), the pose, all
words."""


@dataclass(frozen=True)
class Shown:
    """Pictures uint8 [people, H, W, 3] in the order of the cases.

    posed: in the pose, place and framing of the held-out photo; again: the same with another seed (None where it is not
    measured); likeness: the pictures that are compared with the person; stranger: the same requests with the next
    person's reference. typed and garment: pictures of the first people, in the places `places` and with the garments of
    the cases.
    """

    posed: Pictures
    again: Pictures | None
    likeness: Pictures
    stranger: Pictures
    typed: Pictures
    places: Sequence[str]
    garment: Pictures


def drawn_by(studio: Studio, cases: Sequence[Case], settings: Settings, variant: Variant = USUAL) -> Shown:
    """Draws the pictures that do not exist yet. A stranger's picture has the words, pose and seed of the case."""
    changed = settings.model_copy(update=variant.settings)
    few, strangers = cases[:WORDS_MAX], [*cases[1:], cases[0]]
    posed = [posed_request(case, case, changed, variant) for case in cases]
    from_strangers = [
        posed_request(case, person, changed, variant) for case, person in zip(cases, strangers, strict=True)
    ]

    def draw(what: str, requests: Sequence[GateRequest]) -> Pictures:
        return studio.draw(what if variant is USUAL else f"without-{variant.name}/{what}", requests)

    pictures = draw(PLAIN, posed)
    again = None
    if variant is USUAL:
        again = draw("again", [replace(request, seed=request.seed + NEXT_SEED) for request in posed])
    return Shown(
        posed=pictures,
        again=again,
        likeness=pictures,
        stranger=draw("stranger", from_strangers),
        typed=draw("typed", [_words_request(case, case.typed, changed, variant) for case in few]),
        places=[case.typed_background for case in few],
        garment=draw("garment", [_words_request(case, case.garment_prompt, changed, variant) for case in few]),
    )


def posed_request(case: Case, person: Case, settings: Settings, variant: Variant = USUAL) -> GateRequest:
    """The request for the held-out photo of the case, with `person`'s reference."""
    pose = pose_of(case.held_out.keypoints, SIZE) if variant.pose else None
    words = case.prompt if variant.words else ""
    return GateRequest(person.reference.image, words, case.identity, settings, pose, person.reference)


def _words_request(case: Case, words: str, settings: Settings, variant: Variant) -> GateRequest:
    reference = case.reference
    return GateRequest(reference.image, words if variant.words else "", case.identity, settings, truth=reference)


def true_photos(cases: Sequence[Case]) -> Shown:
    """The pictures of a perfect backbone: the held-out photo for the pose; another photo for the likeness, because the
    held-out one is compared with it; the held-out photo's own place; the person in the garment."""
    held_out, others = (np.stack([getattr(case, name).image for case in cases]) for name in ("held_out", "other"))
    few = cases[:WORDS_MAX]
    return Shown(
        posed=held_out,
        again=None,
        likeness=others,
        stranger=np.roll(others, -1, axis=0),
        typed=held_out[: len(few)],
        places=[case.held_out.background for case in few],
        garment=np.stack([case.changed.image for case in few]),
    )
