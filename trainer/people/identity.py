"""Who is in the picture: a body, skin, hair and an outfit, drawn from one seed."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from trainer.people.palette import (
    GARMENT_COLOURS,
    HAIR_COLOURS,
    IRIS_COLOURS,
    Rgb,
    jittered,
    skin_tone,
)

Split = Literal["train", "validation", "test"]
Pattern = Literal["plain", "striped", "two-tone"]

SPLITS: Final[dict[Split, range]] = {
    "train": range(0, 1_000_000),
    "validation": range(1_000_000, 1_100_000),
    "test": range(2_000_000, 2_100_000),
}
HAIR_STYLES: Final = ("bald", "short", "curly", "bob", "long", "bun", "ponytail")
TOPS: Final = ("t-shirt", "long-sleeved shirt", "tank top", "jacket", "dress")
BOTTOMS: Final = ("trousers", "shorts", "skirt")
SHOES: Final = ("shoes", "boots")
HATS: Final = ("cap", "beanie", "hat")


@dataclass(frozen=True)
class Phenotype:
    """Parameters of the anny body, each in 0..1; `gender` is 0 for male and 1 for female."""

    gender: float
    age: float
    muscle: float
    weight: float
    height: float
    proportions: float
    cupsize: float
    firmness: float
    african: float
    asian: float
    caucasian: float


@dataclass(frozen=True)
class Garment:
    """`second` is the colour of stripes or of the lower half; for a jacket, of the shirt under it."""

    kind: str
    colour: str
    rgb: Rgb
    pattern: Pattern = "plain"
    second: str | None = None
    second_rgb: Rgb | None = None


@dataclass(frozen=True)
class Hair:
    """`fringe` says whether the forehead is covered; `volume` in 0..1."""

    style: str
    colour: str
    rgb: Rgb
    fringe: bool
    volume: float


@dataclass(frozen=True)
class Identity:
    """One person; equal seeds give equal people. `bottom` is None under a dress."""

    seed: int
    phenotype: Phenotype
    woman: bool
    age_group: Literal["young", "adult", "elderly"]
    skin: Rgb
    iris: Rgb
    lips: Rgb
    hair: Hair
    top: Garment
    bottom: Garment | None
    shoes: Garment
    beard: bool
    hat: Garment | None
    glasses: bool
    brow_thickness: float
    sleeve_jitter: float
    neckline: Literal["round", "v", "high"]


def split_of(seed: int) -> Split:
    """The split that owns an identity seed; ValueError outside every range."""
    for name, seeds in SPLITS.items():
        if seed in seeds:
            return name
    ranges = ", ".join(f"{name} {seeds.start}..{seeds.stop - 1}" for name, seeds in SPLITS.items())
    raise ValueError(f"Expected an identity seed in {ranges}; got {seed}.")


def sample_identity(seed: int) -> Identity:
    """The person of this seed. Two seeds share nothing but the distribution."""
    random = np.random.default_rng([split_index(seed), seed])
    woman = bool(random.random() < 0.5)
    age_group = _pick(random, {"young": 0.35, "adult": 0.45, "elderly": 0.2})
    tone = float(random.uniform(0.0, 1.0))
    skin = jittered(skin_tone(tone), random, 0.02)
    hair = _hair(random, woman, age_group, tone)
    top, bottom = _outfit(random, woman, _like(skin))
    hat_kind = _pick(random, {"none": 0.86, "cap": 0.06, "beanie": 0.04, "hat": 0.04})
    return Identity(
        seed=seed,
        phenotype=_phenotype(random, woman, age_group, tone),
        woman=woman,
        age_group=age_group,  # type: ignore[arg-type]
        skin=skin,
        iris=IRIS_COLOURS["brown" if tone < 0.45 else _pick(random, dict.fromkeys(IRIS_COLOURS, 0.25))],
        lips=_lips(random, skin, woman),
        hair=hair,
        top=top,
        bottom=bottom,
        shoes=_garment(random, _pick(random, {"shoes": 0.75, "boots": 0.25}), ()),
        beard=bool(not woman and random.random() < 0.3),
        hat=None if hat_kind == "none" else _garment(random, hat_kind, (top.colour,)),
        glasses=bool(random.random() < 0.12),
        brow_thickness=float(random.uniform(0.8, 1.5) * (0.85 if woman else 1.15)),
        sleeve_jitter=float(random.uniform(-1, 1)),
        neckline=_pick(random, {"round": 0.5, "v": 0.25, "high": 0.25}),  # type: ignore[arg-type]
    )


def split_index(seed: int) -> int:
    """0, 1, 2 for train, validation, test: keeps the random streams of the splits apart."""
    return list(SPLITS).index(split_of(seed))


def _pick(random: np.random.Generator, chances: dict[str, float]) -> str:
    weights = np.array(list(chances.values()))
    return list(chances)[int(random.choice(len(weights), p=weights / weights.sum()))]


def _phenotype(random: np.random.Generator, woman: bool, age_group: str, tone: float) -> Phenotype:
    ages = {"young": (0.62, 0.70), "adult": (0.70, 0.84), "elderly": (0.88, 0.98)}
    african = float(np.clip(1.1 - 1.6 * tone + random.normal(0, 0.1), 0, 1))
    asian = float(random.uniform(0, 1) ** 2 * (1 - african))
    return Phenotype(
        gender=float(random.uniform(0.88, 1.0) if woman else random.uniform(0.0, 0.12)),
        age=float(random.uniform(*ages[age_group])),
        muscle=float(random.uniform(0.3, 0.8)),
        weight=float(np.clip(random.normal(0.5, 0.2), 0.15, 0.95)),
        height=float(np.clip(random.normal(0.5, 0.16), 0.2, 0.85)),
        proportions=float(random.uniform(0.45, 0.9)),
        cupsize=float(random.uniform(0.25, 0.55)),
        firmness=float(random.uniform(0.4, 0.7)),
        african=african + 0.01,
        asian=asian + 0.01,
        caucasian=max(1 - african - asian, 0.0) + 0.01,
    )


def _hair(random: np.random.Generator, woman: bool, age_group: str, tone: float) -> Hair:
    styles = (
        {
            "bald": 0.02,
            "short": 0.14,
            "curly": 0.14,
            "bob": 0.2,
            "long": 0.28,
            "bun": 0.1,
            "ponytail": 0.12,
        }
        if woman
        else {
            "bald": 0.16,
            "short": 0.56,
            "curly": 0.14,
            "bob": 0.03,
            "long": 0.07,
            "bun": 0.02,
            "ponytail": 0.02,
        }
    )
    light = max(tone - 0.35, 0.0)
    colours = {
        "black": 0.45 - 0.25 * tone,
        "brown": 0.30,
        "blond": 0.55 * light,
        "red": 0.40 * light,
        "grey": 0.8 if age_group == "elderly" else 0.03,
        "white": 0.5 if age_group == "elderly" else 0.0,
        "blue": 0.02,
        "pink": 0.02,
    }
    style, colour = _pick(random, styles), _pick(random, colours)
    return Hair(
        style=style,
        colour=colour,
        rgb=jittered(HAIR_COLOURS[colour], random, 0.03),
        fringe=bool(random.random() < (0.45 if woman else 0.2)),
        volume=float(random.uniform(0, 1)),
    )


def _garment(
    random: np.random.Generator,
    kind: str,
    avoided: tuple[str, ...],
    patterns: dict[str, float] | None = None,
) -> Garment:
    names = [name for name in GARMENT_COLOURS if name not in avoided]
    colour, second = (str(name) for name in random.choice(names, size=2, replace=False))
    rgb = jittered(GARMENT_COLOURS[colour], random, 0.03)
    second_rgb = jittered(GARMENT_COLOURS[second], random, 0.03)
    pattern = _pick(random, patterns or {"plain": 1.0})
    if pattern == "plain" and kind != "jacket":
        return Garment(kind, colour, rgb)
    return Garment(kind, colour, rgb, pattern, second, second_rgb)  # type: ignore[arg-type]


def _outfit(random: np.random.Generator, woman: bool, avoided: tuple[str, ...]) -> tuple[Garment, Garment | None]:
    dress = 0.2 if woman else 0.0
    kind = _pick(
        random,
        {
            "t-shirt": 0.34,
            "long-sleeved shirt": 0.24,
            "tank top": 0.12,
            "jacket": 0.2,
            "dress": dress,
        },
    )
    patterns = {"plain": 0.62, "striped": 0.22, "two-tone": 0.16}
    top = _garment(random, kind, avoided, {"plain": 1.0} if kind == "jacket" else patterns)
    if kind == "dress":
        return top, None
    legs = {"trousers": 0.62, "shorts": 0.2, "skirt": 0.22 if woman else 0.0}
    return top, _garment(random, _pick(random, legs), (top.colour, *avoided))


def _like(skin: Rgb) -> tuple[str, ...]:
    """Garment colours that could be taken for the skin."""
    near = {name: np.abs(np.array(rgb) - skin).sum() for name, rgb in GARMENT_COLOURS.items()}
    return tuple(name for name, distance in near.items() if distance < 0.42)


def _lips(random: np.random.Generator, skin: Rgb, woman: bool) -> Rgb:
    strength = random.uniform(0.3, 0.75) if woman else random.uniform(0.15, 0.35)
    target = np.array([0.70, 0.14, 0.18])
    mixed = (np.array(skin) * 0.9) * (1 - strength) + target * strength
    return float(mixed[0]), float(mixed[1]), float(mixed[2])
