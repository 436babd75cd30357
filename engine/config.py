"""Settings of a worker and of the command line, read from the environment."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from engine.contract import check_broker
from engine.errors import SetupError
from engine.identity.faces import DEFAULT_PACK

if TYPE_CHECKING:
    from engine.backbones.options import Options


class Config(BaseSettings):
    """ENGINE_BACKBONE, ENGINE_DEVICE, ENGINE_WEIGHTS, ENGINE_FACE_ROOT, ENGINE_FACE_PACK, ENGINE_LOG_LEVEL,
    ENGINE_POSE_MODEL with ENGINE_PERSON_DETECTOR (folders of ViTPose and RT-DETR), ENGINE_HUNG_S (a worker without a
    step for so long ends itself), ENGINE_MONITOR_LISTEN (host:port of /healthz, /readyz and /metrics; without it there
    are none); the broker as ENGINE_BROKER_URL or BROKER_URL.

    Loading of models (engine.backbones.options): ENGINE_PRECISION, ENGINE_CHANNELS_LAST, ENGINE_COMPILE,
    ENGINE_OFFLOAD, ENGINE_DISTILLED with ENGINE_LORA, ENGINE_BODY_ADAPTER, ENGINE_FACE_ADAPTER, ENGINE_IMAGE_ENCODER,
    ENGINE_CONTROLNET, ENGINE_PREVIEW, ENGINE_VAE, ENGINE_FACE_SCALE, ENGINE_BODY_SCALE, ENGINE_FACE_LORA,
    ENGINE_IMAGE_PROMPT_ADAPTER with ..._SCALE, ..._BLOCKS and ..._UNTIL, ENGINE_BATCH_MAX. ENGINE_HEAD_PASS: small
    heads are drawn a second time, larger.

    Marks of pictures: ENGINE_C2PA_CERTIFICATE with ENGINE_C2PA_KEY (PEM, the signer's certificate first; without them
    a development one is made and kept in ENGINE_STATE), ENGINE_C2PA_TSA (the address of a time stamp authority),
    ENGINE_WATERMARK_KEY (a watermark is read with the key it was written with).

    Words and safety, each a folder or a repository in the hub's cache: ENGINE_TRANSLATOR (or "glossary"),
    ENGINE_SAFETY_MODEL and ENGINE_AGE_MODEL with ..._LABELS (of what is refused, commas between; ages: by default the
    groups that begin below 18) and ..._THRESHOLD (of their probability, at most 0.9)."""

    model_config = SettingsConfigDict(env_prefix="ENGINE_", frozen=True, env_ignore_empty=True, populate_by_name=True)

    broker_url: SecretStr = Field(
        default=SecretStr("redis://127.0.0.1:6379/0"), validation_alias=AliasChoices("ENGINE_BROKER_URL", "BROKER_URL")
    )
    backbone: str = "nano"
    device: str = "auto"
    weights: Path | None = None
    precision: Literal["auto", "fp32", "fp16", "bf16"] = "auto"
    channels_last: bool = False
    compile: bool = False
    offload: bool = False
    distilled: Literal["auto", "lightning", "lcm", "none"] = "auto"
    lora: str | None = None
    body_adapter: str | None = None
    face_adapter: str | None = None
    image_prompt_adapter: str | None = None
    image_encoder: str | None = None
    controlnet: str | None = None
    preview: str | None = None
    vae: str | None = None
    face_scale: float | None = Field(default=None, ge=0, le=2)
    body_scale: float | None = Field(default=None, ge=0, le=2)
    image_prompt_scale: float | None = Field(default=None, gt=0, le=2)
    image_prompt_blocks: str | None = None
    image_prompt_until: float = Field(default=1.0, gt=0, le=1)
    face_lora: float = Field(default=0.6, ge=0, le=1)
    batch_max: int | None = Field(default=None, ge=1)
    head_pass: bool = True
    face_root: Path | None = None
    face_pack: str = DEFAULT_PACK
    pose_model: Path | None = None
    person_detector: Path | None = None
    state: Path = Field(default_factory=lambda: Path.home() / ".cache" / "bolid")
    c2pa_certificate: Path | None = None
    c2pa_key: Path | None = None
    c2pa_tsa: str | None = Field(default=None, pattern="^https?://")
    watermark_key: SecretStr = SecretStr("BoLID")
    translator: str | None = None
    safety_model: str | None = None
    safety_labels: str = "nsfw,porn,hentai,nude,nudity,explicit"
    safety_threshold: float = Field(default=0.5, gt=0, le=0.9)
    age_model: str | None = None
    age_labels: str | None = None
    age_threshold: float = Field(default=0.5, gt=0, le=0.9)
    hung_s: float = Field(default=300.0, gt=0)
    monitor_listen: str | None = Field(default=None, pattern=r"^[^\s]+:\d{1,5}$")
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")

    @field_validator("broker_url")
    @classmethod
    def _is_a_broker(cls, url: SecretStr) -> SecretStr:
        check_broker(url.get_secret_value())
        return url

    def options(self) -> Options:
        """The settings for the loading of models."""
        from engine.backbones.options import Options

        return Options(**{field.name: getattr(self, field.name) for field in fields(Options)})


def load_config() -> Config:
    """From the environment. Raises SetupError naming every setting that is not as it should be."""
    try:
        return Config()
    except ValidationError as error:
        raise SetupError("; ".join(_fault(fault["loc"], fault["msg"]) for fault in error.errors())) from error


def _fault(location: tuple[int | str, ...], message: str) -> str:
    name = "_".join(map(str, location)).upper()
    return f"{name if name.startswith('ENGINE_') else f'ENGINE_{name}'}: {message.removeprefix('Value error, ')}"
