"""The garment that the prompt of a case names: its kind and colour differ from what the person wears on the
reference."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab

from trainer.evaluation.evaluators import Evaluators
from trainer.evaluation.metrics import Floats
from trainer.synthetic.identity import Identity, sample_identity
from trainer.synthetic.palette import GARMENT_COLOURS, Rgb
from trainer.synthetic.wardrobe import BOTTOMS, OVER, TOPS, Garment, like

COLOUR_MIN: Final = 25.0
"""CIEDE2000 between the colour that the words name and every colour of the garment that is worn."""
LIKELIEST: Final = 2
"""The colour must be among this many of the evaluator's likeliest: on true photos it confuses navy with black and beige
with white."""
UNDER: Final = "white"
"""Colour of the t-shirt under an open jacket or coat."""


@dataclass(frozen=True)
class GarmentChange:
    """A change of clothes. slot: the garment that changes; `garment`: the one in the prompt; `worn`: the one on the
    reference."""

    slot: Literal["top", "bottom"]
    garment: Garment
    worn: Garment


def change_for(identity: int) -> GarmentChange:
    """A plain garment for a person. A dress is in the top's slot; no garment is changed to a dress."""
    who, rng = sample_identity(identity), np.random.default_rng([identity, 53])
    slot: Literal["top", "bottom"] = "bottom" if identity % 2 and who.bottom is not None else "top"
    worn = who.bottom if slot == "bottom" and who.bottom is not None else who.top
    kinds = [
        kind
        for kind in (TOPS if slot == "top" else BOTTOMS)
        if kind not in (worn.kind, "dress") and (who.woman or kind != "skirt")
    ]
    kind, colour = str(rng.choice(kinds)), str(rng.choice(_colours(worn, who)))
    second = UNDER if kind in OVER else None
    garment = Garment(
        kind, colour, GARMENT_COLOURS[colour], second=second, second_rgb=GARMENT_COLOURS[second] if second else None
    )
    return GarmentChange(slot, garment, worn)


def dressed(identity: int, change: GarmentChange) -> Identity:
    """The person in the garment; with black trousers where a dress is replaced by a top."""
    who = sample_identity(identity)
    if change.slot == "bottom":
        return replace(who, outfit=replace(who.outfit, bottom=change.garment))
    bottom = who.bottom or Garment("trousers", "black", GARMENT_COLOURS["black"])
    return replace(who, outfit=replace(who.outfit, top=change.garment, bottom=bottom))


def _colours(worn: Garment, who: Identity) -> list[str]:
    """Names of colours that differ clearly from those of the worn garment and of the skin."""
    present = [rgb for rgb in (worn.rgb, worn.second_rgb) if rgb is not None]
    return [
        name
        for name, rgb in GARMENT_COLOURS.items()
        if name not in like(who.skin) and all(_difference(rgb, other) >= COLOUR_MIN for other in present)
    ]


def _difference(first: Rgb, second: Rgb) -> float:
    return float(deltaE_ciede2000(*(rgb2lab(np.array(rgb)[None, None])[0, 0] for rgb in (first, second))))


def garments_seen(pictures: NDArray[np.uint8], changes: list[GarmentChange], evaluators: Evaluators) -> Floats:
    """pictures uint8 [n, H, W, 3] -> [n]: 1 where the evaluator sees the garment of the prompt, else 0. It does if kind
    and colour together are likelier than those of the worn garment, and the colour is among the LIKELIEST."""
    likelihoods = evaluators.likelihoods(pictures)
    hits = []
    for row, change in enumerate(changes):
        colours = getattr(evaluators.names, f"{change.slot}_colour")
        kinds = getattr(evaluators.names, f"{change.slot}_kind")
        of_colour, of_kind = (likelihoods[f"{change.slot}_{what}"][row] for what in ("colour", "kind"))

        def likelihood(
            garment: Garment,
            of_colour: NDArray[np.float32] = of_colour,
            of_kind: NDArray[np.float32] = of_kind,
            colours: tuple[str, ...] = colours,
            kinds: tuple[str, ...] = kinds,
        ) -> float:
            return float(of_colour[colours.index(garment.colour)] * of_kind[kinds.index(garment.kind)])

        rank = int((of_colour > of_colour[colours.index(change.garment.colour)]).sum())
        hits.append(likelihood(change.garment) > likelihood(change.worn) and rank < LIKELIEST)
    return np.array(hits, np.float64)
