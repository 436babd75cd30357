"""Settings of a run of `python -m trainer adapter`, as YAML; options of the command line override them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from trainer.adapter.face_networks import FaceNetwork
from trainer.errors import DataError


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Pairing(_Section):
    """The references of a target, and the probabilities of withholding conditions.

    paired: references are other photos of the person; otherwise the target itself, as in IP-Adapter's training.
    references: the largest number. The others are probabilities: text, person, both: the caption, the references, both
    are withheld. other_clothes: references show other clothes than the target, and the caption names the target's;
    scene_only: otherwise, the caption does not describe the person. region: each region of a reference is withheld;
    head_only: all regions but the head are, and the caption names the clothes."""

    paired: bool = True
    references: int = Field(default=2, ge=1, le=8)
    text: float = Field(default=0.05, ge=0, le=1)
    person: float = Field(default=0.05, ge=0, le=1)
    both: float = Field(default=0.05, ge=0, le=1)
    other_clothes: float = Field(default=0.25, ge=0, le=1)
    scene_only: float = Field(default=0.75, ge=0, le=1)
    region: float = Field(default=0.1, ge=0, le=1)
    head_only: float = Field(default=0.1, ge=0, le=1)


class IdentityRecipe(_Section):
    """Losses on pictures that the adapter draws in few steps from pure noise (PuLID; Guo et al., 2024).

    face, body: weights of 1 - cosine to the person's embeddings, 0 for none; semantic, layout: of alignment with the
    same drawing without the person. identity_from, alignment_from: shares of the run after which these losses begin.
    rows: the number of drawn rows per batch. few_steps: lightning or lcm (default: as in the engine), lora: its file
    (default: the published one), steps: their number (default: as in the engine). decoder: "taesd", the published small
    autoencoder, or the folder of another, which decodes in place of the base's. face_network: "arcface" out of
    insightface's models (face_root, face_pack; research only), or "dlib", which may be used commercially; body_network:
    "shipped" or an ONNX file; those that made the cache."""

    face: float = Field(default=1.0, ge=0)
    body: float = Field(default=1.0, ge=0)
    semantic: float = Field(default=0.6, ge=0)
    layout: float = Field(default=0.1, ge=0)
    identity_from: float = Field(default=0.5, ge=0, le=1)
    alignment_from: float = Field(default=0.75, ge=0, le=1)
    rows: int = Field(default=1, ge=1)
    few_steps: str = ""
    lora: Path | None = None
    steps: int | None = Field(default=None, ge=1, le=8)
    decoder: str | None = None
    face_network: FaceNetwork = "arcface"
    face_root: Path | None = None
    face_pack: str = "buffalo_l"
    body_network: str = "shipped"


class Recipe(_Section):
    """One run.

    method: a name of `methods.METHODS`. batch: rows per GPU and pass; accumulation: passes per step. person_weight: the
    loss counts 1 + this on the person. min_snr_gamma: None weighs all times equally. body_tokens: per region,
    face_tokens: of the head; alpha: weight of patches far from every joint. base_precision: of the frozen base's
    weights. start_from: branch -> a file in the Plus layout with its initial weights. sheet_every: steps between
    validation pictures, 0 for none. identity: losses on drawn pictures, None for none."""

    method: str = "bolid"
    steps: int = Field(default=100_000, ge=1)
    batch: int = Field(default=8, ge=1)
    accumulation: int = Field(default=1, ge=1)
    learning_rate: float = Field(default=1e-4, gt=0)
    warmup_steps: int = Field(default=500, ge=0)
    weight_decay: float = Field(default=1e-2, ge=0)
    ema_decay: float = Field(default=0.9999, ge=0, lt=1)
    min_snr_gamma: float | None = Field(default=5.0, gt=0)
    person_weight: float = Field(default=2.0, ge=0)
    face_tokens: int = Field(default=16, ge=1)
    body_tokens: int = Field(default=16, ge=1)
    alpha: float = Field(default=0.25, gt=0, le=1)
    precision: Literal["no", "bf16"] = "bf16"
    base_precision: Literal["fp32", "bf16"] = "bf16"
    gradient_checkpointing: bool = False
    optimizer: Literal["adamw", "adamw8bit"] = "adamw"
    start_from: dict[str, Path] = {}
    save_every: int = Field(default=500, ge=1)
    sheet_every: int = Field(default=1000, ge=0)
    sheet_people: int = Field(default=4, ge=1)
    sheet_steps: int = Field(default=20, ge=1)
    sheet_guidance: float = Field(default=4.0, ge=1)
    seed: int = 0
    pairing: Pairing = Pairing()
    identity: IdentityRecipe | None = None

    @model_validator(mode="after")
    def _one_precision(self) -> Recipe:
        if self.precision == "no" and self.base_precision == "bf16":
            raise ValueError("precision no needs base_precision fp32")
        return self


def read_recipe(path: Path | None, options: dict[str, Any]) -> Recipe:
    """The YAML file's settings (the defaults without a file), overridden by `options`. Raises DataError, in one line,
    for an absent file or an unknown setting."""
    content: Any = {}
    if path is not None:
        try:
            content = yaml.safe_load(path.read_text("utf-8-sig")) or {}
        except FileNotFoundError:
            raise DataError(f"expected a recipe at {path}, found none: give another --config") from None
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            reason = str(error).partition("\n")[0]
            raise DataError(f"expected YAML in {path}, got {reason}: see trainer/configs/adapter") from None
    if not isinstance(content, dict):
        raise DataError(f"expected settings by name in {path}, got {content!r}: see trainer/configs/adapter")
    try:
        return Recipe.model_validate(content | options)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = "".join(f"{place}: " for place in first["loc"])
        given = f", got {first['input']!r}" if isinstance(first["input"], str | int | float) else ""
        reason = first["msg"].removeprefix("Value error, ").lower()
        raise DataError(f"recipe: {name}{reason}{given}; correct it and run again") from None
