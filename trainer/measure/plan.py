"""Settings of `python -m trainer measure`, as YAML; options of the command line override them."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from engine.backbones.options import Options
from engine.contract import Settings
from trainer.errors import DataError
from trainer.evaluation.coco import PROTOCOL_CAPTIONS

Time = Annotated[float, Field(gt=0, le=1)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelPlan(_Section):
    """One model to measure.

    name: in the report. backbone: as ENGINE_BACKBONE (nano, sd15, sdxl, klein, package.module:factory), or instantid or
    ip_adapter, which diffusers' pipelines draw. weights: the backbone's folder; for these two the base, as `trainer
    adapter --base`. run: a folder of `trainer adapter`, whose files are served on the backbone. options: fields of
    `engine.backbones.options.Options`. settings: fields of `engine.contract.Settings` for every picture. face_pack: the
    insightface pack that the published instantid was trained on."""

    name: str = Field(min_length=1)
    backbone: str
    weights: Path | None = None
    run: Path | None = None
    face_pack: str = "antelopev2"
    options: Options = Options()
    settings: Settings = Settings()

    @field_validator("options", mode="before")
    @classmethod
    def _known_options(cls, given: Any) -> Any:
        names = {field.name for field in fields(Options)}
        unknown = sorted(set(given) - names) if isinstance(given, dict) else []
        if unknown:
            raise ValueError(f"expected options out of {', '.join(sorted(names))}, got {unknown[0]}")
        return given


class NetworkPlan(_Section):
    """Folders of the measuring networks; a figure without its network stays empty.

    clip: ViT-L/14 as transformers saves it. inception, lpips: see trainer/evaluation. dino: DINO or DINOv2 as
    transformers saves them. face_root, face_pack: insightface's models (research only). body_network: "shipped", or a
    re-identification network as ONNX."""

    clip: Path | None = None
    inception: Path | None = None
    lpips: Path | None = None
    dino: Path | None = None
    face_root: Path | None = None
    face_pack: str = "buffalo_l"
    body_network: str = "shipped"


class MeasurePlan(_Section):
    """people: the largest number; None: all of the split. pictures: the number per person, with seeds from `seed` on.
    references: photos per person. captions: the number of COCO's captions. times: shares of the noise schedule at which
    equation 1 is measured."""

    models: tuple[ModelPlan, ...] = Field(min_length=1)
    networks: NetworkPlan = NetworkPlan()
    split: Literal["test", "validation"] = "test"
    people: int | None = Field(default=None, ge=2)
    pictures: int = Field(default=4, ge=1)
    references: int = Field(default=1, ge=1, le=4)
    captions: int = Field(default=PROTOCOL_CAPTIONS, ge=1)
    times: tuple[Time, ...] = (0.1, 0.3, 0.5, 0.7, 0.9)
    seed: int = Field(default=0, ge=0)

    @field_validator("models")
    @classmethod
    def _one_name_each(cls, models: tuple[ModelPlan, ...]) -> tuple[ModelPlan, ...]:
        names = [model.name for model in models]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"expected models of different names, got {twice} twice")
        return models


def read_plan(path: Path | None, given: dict[str, Any]) -> MeasurePlan:
    """The YAML file's settings, overridden by `given`; the two `networks` are merged. Raises DataError, in one line."""
    content: Any = {}
    if path is not None:
        try:
            content = yaml.safe_load(path.read_text("utf-8-sig")) or {}
        except FileNotFoundError:
            raise DataError(f"expected a plan at {path}, found none: give another --config") from None
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            reason = str(error).partition("\n")[0]
            raise DataError(f"expected YAML in {path}, got {reason}: see trainer/configs/measure") from None
    if not isinstance(content, dict) or not isinstance(content.get("networks", {}), dict):
        raise DataError(f"expected settings by name in {path}, got {content!r}: see trainer/configs/measure")
    networks = content.get("networks", {}) | given.get("networks", {})
    try:
        return MeasurePlan.model_validate(content | given | {"networks": networks})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ": ".join(str(place) for place in first["loc"])
        reason = first["msg"].removeprefix("Value error, ").lower()
        raise DataError(f"the plan of measurements: {name}: {reason}; correct it and run again") from None
