"""The attributes that a prompt can set for nano: a fixed list of slots, each with its values.

Value 0 of every slot is "not said". The lists' order is part of the weights: new values come last.
"""

from __future__ import annotations

from typing import Any, Final

COLOURS: Final = (
    "black",
    "white",
    "grey",
    "red",
    "green",
    "blue",
    "yellow",
    "orange",
    "purple",
    "pink",
    "brown",
    "beige",
    "navy",
    "turquoise",
)
PATTERNS: Final = ("plain", "striped", "checked", "print", "two-tone")
PLACES: Final = (
    "studio",
    "street",
    "night_city",
    "forest",
    "beach",
    "sunset",
    "mountains",
    "room",
    "desert",
    "flowers",
    "space",
    "red_wall",
    "cafe",
    "library",
    "kitchen",
    "gym",
    "park",
    "winter_street",
    "stadium",
)
POSES: Final = (
    "standing",
    "waving",
    "arms_raised",
    "arms_spread",
    "hands_on_hips",
    "arms_crossed",
    "walking",
    "running",
    "dancing",
    "sitting",
    "kneeling",
    "crouching",
    "lying",
)
TOPS: Final = ("t-shirt", "long-sleeved shirt", "shirt", "hoodie", "tank top", "jacket", "coat", "dress")
BOTTOMS: Final = ("trousers", "shorts", "skirt", "dress")
"""The values of the slot "bottom". A dress is the value of both slots."""
SLOTS: Final[dict[str, tuple[str, ...]]] = {
    "place": PLACES,
    "framing": ("full", "waist", "portrait"),
    "pose": POSES,
    "sex": ("man", "woman"),
    "age": ("young", "adult", "elderly"),
    "hair": ("bald", "buzz", "short", "curly", "bob", "long", "bun", "ponytail"),
    "hair_colour": ("black", "brown", "blond", "red", "grey", "white", "blue", "pink"),
    "beard": ("no", "yes"),
    "glasses": ("no", "yes"),
    "top": TOPS,
    "top_colour": COLOURS,
    "top_pattern": PATTERNS,
    "top_second": COLOURS,
    "bottom": BOTTOMS,
    "bottom_colour": COLOURS,
    "bottom_pattern": PATTERNS,
    "shoes": ("shoes", "sneakers", "boots"),
    "shoes_colour": COLOURS,
    "hat": ("none", "cap", "beanie", "hat", "sun hat"),
    "hat_colour": COLOURS,
    "bag": ("none", "shoulder bag", "backpack"),
    "bag_colour": COLOURS,
}
NAMES: Final = tuple(SLOTS)
SCENE: Final = ("place", "framing", "pose")
PERSON: Final = ("sex", "age", "hair", "hair_colour", "beard", "glasses")
TOP: Final = ("top", "top_colour", "top_pattern", "top_second")
BOTTOM: Final = ("bottom", "bottom_colour", "bottom_pattern")
SHOES: Final = ("shoes", "shoes_colour")
HAT: Final = ("hat", "hat_colour")
BAG: Final = ("bag", "bag_colour")

Attributes = dict[str, str]
"""Slot -> value, for the slots that are said."""


def encode_attributes(attributes: Attributes) -> list[int]:
    """The value's number in each slot of NAMES, 0 where it is not said. Raises KeyError for an unknown slot, ValueError
    for an unknown value."""
    unknown = set(attributes) - set(NAMES)
    if unknown:
        raise KeyError(f"expected slots of {NAMES}, got {sorted(unknown)}")
    for name, value in attributes.items():
        if value not in SLOTS[name]:
            raise ValueError(f"expected a value of {name} of {SLOTS[name]}, got {value!r}")
    return [SLOTS[name].index(attributes[name]) + 1 if name in attributes else 0 for name in NAMES]


def indices_of(record: dict[str, Any]) -> list[int]:
    """All that a record of `trainer.synthetic` states about its photo, as `encode_attributes`."""
    looks = record["attributes"]
    attributes = {
        "place": record["background"],
        "framing": record["framing"],
        "pose": record["pose"],
        "sex": "woman" if looks["woman"] else "man",
        "age": looks["age_group"],
        "hair": looks["hair_style"],
        "beard": "yes" if looks["beard"] else "no",
        "glasses": "yes" if looks["glasses"] else "no",
        "hat": looks["hat"]["kind"] if looks["hat"] else "none",
        "bag": looks["bag"]["kind"] if looks["bag"] else "none",
    }
    if looks["hair_style"] != "bald":
        attributes["hair_colour"] = looks["hair_colour"]
    for slot in ("top", "bottom", "shoes"):
        # under a dress there is no bottom
        garment = looks[slot] or looks["top"]
        attributes[slot] = garment["kind"]
        attributes[f"{slot}_colour"] = garment["colour"]
        if slot != "shoes":
            attributes[f"{slot}_pattern"] = garment["pattern"]
        if slot == "top" and garment["second"]:
            attributes["top_second"] = garment["second"]
    for slot in ("hat", "bag"):
        if looks[slot]:
            attributes[f"{slot}_colour"] = looks[slot]["colour"]
    return encode_attributes(attributes)
