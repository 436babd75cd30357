"""A person: a body, skin, hair and an outfit, sampled from one seed."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from trainer.synthetic.face import Shape, sample_shape
from trainer.synthetic.palette import HAIR_COLOURS, IRIS_COLOURS, Rgb, jittered, skin_tone
from trainer.synthetic.wardrobe import Garment, Outfit, pick, sample_outfit

Split = Literal["train", "validation", "test"]

SPLITS: Final[dict[Split, range]] = {
    "train": range(0, 1_000_000),
    "validation": range(1_000_000, 1_100_000),
    "test": range(2_000_000, 2_100_000),
}
HAIR_STYLES: Final = ("bald", "buzz", "short", "curly", "bob", "long", "bun", "ponytail")


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
class Hair:
    """`fringe` says whether the forehead is covered; `volume` in 0..1."""

    style: str
    colour: str
    rgb: Rgb
    fringe: bool
    volume: float


@dataclass(frozen=True)
class Identity:
    """One person; equal seeds and outfit numbers give equal people. Only the outfit changes from day to day.

    `shape` holds the strengths of `face.SPREADS`; `brow_thickness` multiplies the usual one; `stubble` in 0..1.
    """

    seed: int
    phenotype: Phenotype
    shape: Shape
    woman: bool
    age_group: Literal["young", "adult", "elderly"]
    skin: Rgb
    iris_colour: str
    iris: Rgb
    lips: Rgb
    brows: Rgb
    brow_thickness: float
    hair: Hair
    beard: bool
    stubble: float
    glasses: bool
    outfit: Outfit
    outfit_number: int = 0

    @property
    def top(self) -> Garment:
        """The outfit's."""
        return self.outfit.top

    @property
    def bottom(self) -> Garment | None:
        """The outfit's; None under a dress."""
        return self.outfit.bottom

    @property
    def shoes(self) -> Garment:
        """The outfit's."""
        return self.outfit.shoes

    @property
    def hat(self) -> Garment | None:
        """The outfit's."""
        return self.outfit.hat

    @property
    def bag(self) -> Garment | None:
        """The outfit's."""
        return self.outfit.bag


def split_of(seed: int) -> Split:
    """The split that owns an identity seed; ValueError outside every range."""
    for name, seeds in SPLITS.items():
        if seed in seeds:
            return name
    ranges = ", ".join(f"{name} {seeds.start}..{seeds.stop - 1}" for name, seeds in SPLITS.items())
    raise ValueError(f"Expected an identity seed in {ranges}; got {seed}.")


def sample_identity(seed: int, outfit: int = 0) -> Identity:
    """The person of this seed in the outfit of this number. Two seeds share nothing but the distribution."""
    random = np.random.default_rng([split_index(seed), seed])
    woman = bool(random.random() < 0.5)
    age_group = pick(random, {"young": 0.35, "adult": 0.45, "elderly": 0.2})
    tone = float(random.uniform(0.0, 1.0))
    skin = jittered(skin_tone(tone), random, 0.02)
    hair = _hair(random, woman, age_group, tone)
    iris = "brown" if tone < 0.45 else pick(random, dict.fromkeys(IRIS_COLOURS, 0.25))
    beard = bool(not woman and random.random() < 0.3)
    return Identity(
        seed=seed,
        phenotype=_phenotype(random, woman, age_group, tone),
        shape=sample_shape(random),
        woman=woman,
        age_group=age_group,  # type: ignore[arg-type]
        skin=skin,
        iris_colour=iris,
        iris=jittered(IRIS_COLOURS[iris], random, 0.04),
        lips=_lips(random, skin, woman),
        brows=_brows(random, hair.rgb),
        brow_thickness=float(random.uniform(0.8, 1.5) * (0.85 if woman else 1.15)),
        hair=hair,
        beard=beard,
        stubble=0.0 if woman or beard else float(max(random.uniform(-0.6, 0.7), 0.0)),
        glasses=bool(random.random() < 0.12),
        outfit=_outfit(seed, outfit, woman, skin),
        outfit_number=outfit,
    )


def _outfit(seed: int, number: int, woman: bool, skin: Rgb) -> Outfit:
    """The outfit has a random stream of its own: drawing another leaves the person alone."""
    if number < 0:
        raise ValueError(f"Expected an outfit number from 0, got {number}.")
    return sample_outfit(np.random.default_rng([97, split_index(seed), seed, number]), woman, skin)


def split_index(seed: int) -> int:
    """0, 1, 2 for train, validation, test: keeps the random streams of the splits apart."""
    return list(SPLITS).index(split_of(seed))


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
            "buzz": 0.12,
            "short": 0.44,
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
    style, colour = pick(random, styles), pick(random, colours)
    return Hair(
        style=style,
        colour=colour,
        rgb=jittered(HAIR_COLOURS[colour], random, 0.03),
        fringe=bool(random.random() < (0.45 if woman else 0.2)),
        volume=float(random.uniform(0, 1)),
    )


def _lips(random: np.random.Generator, skin: Rgb, woman: bool) -> Rgb:
    strength = random.uniform(0.3, 0.75) if woman else random.uniform(0.15, 0.35)
    target = np.array([0.70, 0.14, 0.18])
    mixed = (np.array(skin) * 0.9) * (1 - strength) + target * strength
    return float(mixed[0]), float(mixed[1]), float(mixed[2])


def _brows(random: np.random.Generator, hair: Rgb) -> Rgb:
    """Near the hair's colour, mostly darker; dyed hair leaves brows brown."""
    base = np.array(hair)
    if (base.max() - base.min() > 0.55 and base[0] < 0.5) or base[2] > 0.6 > base[1]:
        base = np.array(HAIR_COLOURS["brown"])
    brown, red_green_blue = float(random.uniform(0.0, 0.35)), base * float(random.uniform(0.5, 0.8))
    mixed = red_green_blue * (1 - brown) + np.array([0.16, 0.10, 0.06]) * brown
    return float(mixed[0]), float(mixed[1]), float(mixed[2])
