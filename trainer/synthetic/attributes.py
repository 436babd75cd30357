"""The description of a person: measurable attributes, and every sampled parameter."""

from dataclasses import asdict
from typing import Any

from trainer.synthetic.identity import Identity
from trainer.synthetic.palette import Rgb
from trainer.synthetic.wardrobe import Garment


def attributes(identity: Identity) -> dict[str, Any]:
    """The attributes that can be measured on a photo: names, and colours as RGB 0..255."""
    return {
        "woman": identity.woman,
        "age_group": identity.age_group,
        "skin_rgb": _bytes(identity.skin),
        "iris_colour": identity.iris_colour,
        "iris_rgb": _bytes(identity.iris),
        "hair_style": identity.hair.style,
        "hair_colour": identity.hair.colour,
        "hair_rgb": _bytes(identity.hair.rgb),
        "top": _garment(identity.top),
        "bottom": _garment(identity.bottom),
        "shoes": _garment(identity.shoes),
        "hat": _garment(identity.hat),
        "bag": _garment(identity.bag),
        "beard": identity.beard,
        "glasses": identity.glasses,
        "outfit": identity.outfit_number,
    }


def parameters(identity: Identity) -> dict[str, Any]:
    """Everything that was sampled, ready for JSON; colours as RGB 0..1, shape by name."""
    return {**asdict(identity), "shape": dict(identity.shape)}


def _garment(garment: Garment | None) -> dict[str, Any] | None:
    if garment is None:
        return None
    return {
        "kind": garment.kind,
        "colour": garment.colour,
        "rgb": _bytes(garment.rgb),
        "pattern": garment.pattern,
        "second": garment.second,
        "second_rgb": None if garment.second_rgb is None else _bytes(garment.second_rgb),
        "motif": garment.motif,
    }


def _bytes(colour: Rgb) -> list[int]:
    return [round(value * 255) for value in colour]
