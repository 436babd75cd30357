"""Clothes: garments with shape, colour and pattern, and outfits sampled of them."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from trainer.synthetic.palette import GARMENT_COLOURS, Rgb, jittered

Pattern = Literal["plain", "striped", "checked", "print", "two-tone"]
Motif = Literal["circle", "star", "heart", "triangle"]
Neckline = Literal["round", "v", "high"]

TOPS: Final = (
    "t-shirt",
    "long-sleeved shirt",
    "shirt",
    "hoodie",
    "tank top",
    "jacket",
    "coat",
    "dress",
)
BOTTOMS: Final = ("trousers", "shorts", "skirt")
SHOES: Final = ("shoes", "sneakers", "boots")
HATS: Final = ("cap", "beanie", "hat", "sun hat")
BAGS: Final = ("shoulder bag", "backpack")
PATTERNS: Final[tuple[Pattern, ...]] = ("plain", "striped", "checked", "print", "two-tone")
MOTIFS: Final[tuple[Motif, ...]] = ("circle", "star", "heart", "triangle")
OVER: Final = ("jacket", "coat")
"""Tops worn open over a t-shirt of their second colour."""
PATTERN_CHANCES: Final[dict[str, dict[str, float]]] = {
    "t-shirt": {"plain": 0.45, "striped": 0.18, "checked": 0.04, "print": 0.2, "two-tone": 0.13},
    "long-sleeved shirt": {"plain": 0.5, "striped": 0.26, "print": 0.1, "two-tone": 0.14},
    "shirt": {"plain": 0.48, "striped": 0.2, "checked": 0.32},
    "hoodie": {"plain": 0.68, "print": 0.2, "two-tone": 0.12},
    "tank top": {"plain": 0.6, "striped": 0.2, "print": 0.2},
    "jacket": {"plain": 1.0},
    "coat": {"plain": 1.0},
    "dress": {"plain": 0.52, "striped": 0.18, "checked": 0.18, "two-tone": 0.12},
    "trousers": {"plain": 0.9, "checked": 0.1},
    "shorts": {"plain": 0.85, "checked": 0.15},
    "skirt": {"plain": 0.7, "striped": 0.12, "checked": 0.18},
}


@dataclass(frozen=True)
class Garment:
    """`second` is the colour of stripes, checks, the print or the lower half; for a jacket or coat, of the t-shirt
    under it. `cut` in -1..1 is how long the garment is within its kind; `motif` is set for prints."""

    kind: str
    colour: str
    rgb: Rgb
    pattern: Pattern = "plain"
    second: str | None = None
    second_rgb: Rgb | None = None
    motif: Motif | None = None
    cut: float = 0.0


@dataclass(frozen=True)
class Outfit:
    """The clothes that may change from one day to the next. `bottom` is None under a dress."""

    top: Garment
    bottom: Garment | None
    shoes: Garment
    hat: Garment | None
    bag: Garment | None
    neckline: Neckline


def sample_outfit(random: np.random.Generator, woman: bool, skin: Rgb) -> Outfit:
    """An outfit whose top and bottom cannot be taken for the skin."""
    avoided = like(skin)
    top, bottom = _top_and_bottom(random, woman, avoided)
    shoes = _garment(random, pick(random, {"shoes": 0.4, "sneakers": 0.35, "boots": 0.25}), ())
    hat = pick(random, {"none": 0.86, "cap": 0.05, "beanie": 0.04, "hat": 0.03, "sun hat": 0.02})
    bag = pick(random, {"none": 0.84, "shoulder bag": 0.1, "backpack": 0.06})
    neckline: Neckline = pick(random, {"round": 0.5, "v": 0.25, "high": 0.25})  # type: ignore[assignment]
    return Outfit(
        top=top,
        bottom=bottom,
        shoes=shoes,
        hat=None if hat == "none" else _garment(random, hat, (top.colour,)),
        bag=None if bag == "none" else _garment(random, bag, (top.colour,)),
        neckline=neckline,
    )


def pick(random: np.random.Generator, chances: dict[str, float]) -> str:
    """One of the names, by weight."""
    weights = np.array(list(chances.values()))
    return list(chances)[int(random.choice(len(weights), p=weights / weights.sum()))]


def like(skin: Rgb) -> tuple[str, ...]:
    """Garment colours that could be taken for the skin."""
    near = {name: np.abs(np.array(rgb) - skin).sum() for name, rgb in GARMENT_COLOURS.items()}
    return tuple(name for name, distance in near.items() if distance < 0.42)


def _top_and_bottom(
    random: np.random.Generator, woman: bool, avoided: tuple[str, ...]
) -> tuple[Garment, Garment | None]:
    kind = pick(
        random,
        {
            "t-shirt": 0.22,
            "long-sleeved shirt": 0.13,
            "shirt": 0.15,
            "hoodie": 0.14,
            "tank top": 0.1,
            "jacket": 0.13,
            "coat": 0.1,
            "dress": 0.2 if woman else 0.0,
        },
    )
    top = _garment(random, kind, avoided)
    if kind == "dress":
        return top, None
    legs = {"trousers": 0.62, "shorts": 0.2, "skirt": 0.22 if woman else 0.0}
    if kind == "coat":
        legs = {"trousers": 0.8, "skirt": 0.2 if woman else 0.0}
    return top, _garment(random, pick(random, legs), (top.colour, *avoided))


def _garment(random: np.random.Generator, kind: str, avoided: tuple[str, ...]) -> Garment:
    names = [name for name in GARMENT_COLOURS if name not in avoided]
    colour, second = (str(name) for name in random.choice(names, size=2, replace=False))
    rgb = jittered(GARMENT_COLOURS[colour], random, 0.03)
    second_rgb = jittered(GARMENT_COLOURS[second], random, 0.03)
    pattern: Pattern = pick(random, PATTERN_CHANCES.get(kind, {"plain": 1.0}))  # type: ignore[assignment]
    motif = MOTIFS[int(random.integers(len(MOTIFS)))]
    cut = float(random.uniform(-1, 1))
    if pattern == "plain" and kind not in OVER:
        return Garment(kind, colour, rgb, cut=cut)
    return Garment(kind, colour, rgb, pattern, second, second_rgb, motif if pattern == "print" else None, cut)
