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
    """One field per environment variable of the same name in upper case with ENGINE_ in front; docs/settings.md lists
    them."""

    model_config = SettingsConfigDict(
        env_prefix="ENGINE_", frozen=True, env_ignore_empty=True, populate_by_name=True, use_attribute_docstrings=True
    )

    broker_url: SecretStr = Field(
        default=SecretStr("redis://127.0.0.1:6379/0"), validation_alias=AliasChoices("ENGINE_BROKER_URL", "BROKER_URL")
    )
    """The broker: redis:// (Valkey too) or amqp://. BROKER_URL is read too."""
    backbone: str = "nano"
    """The model: nano, sd15, sdxl, klein, or package.module:factory."""
    device: str = "auto"
    """auto, cpu, cuda or another device of torch."""
    weights: Path | None = None
    """The folder of the model's weights; None: its own."""
    precision: Literal["auto", "fp32", "fp16", "bf16"] = "auto"
    """auto, fp16, bf16 or fp32; auto is half precision on a GPU."""
    channels_last: bool = False
    """The channels_last memory format."""
    compile: bool = False
    """torch.compile."""
    offload: bool = False
    """Models stay in main memory until they run, for a GPU with little memory."""
    distilled: Literal["auto", "lightning", "lcm", "none"] = "auto"
    """sd15 and sdxl: distillation for few steps; auto is lightning for sdxl, lcm for sd15."""
    lora: str | None = None
    """sd15 and sdxl: the file of the LoRA of the distillation."""
    body_adapter: str | None = None
    """sd15 and sdxl: an adapter in the format of IP-Adapter Plus: a file, owner/repository/path, or none."""
    face_adapter: str | None = None
    """sd15 and sdxl: an adapter in the format of FaceID-PlusV2: a file, owner/repository/path, or none."""
    image_prompt_adapter: str | None = None
    """sd15 and sdxl: an adapter in the format of IP-Adapter Plus for image prompts: a file, owner/repository/path, or
    none."""
    image_encoder: str | None = None
    """sd15 and sdxl: the CLIP vision encoder of the adapters."""
    controlnet: str | None = None
    """sd15 and sdxl: the ControlNet for poses: a folder, a repository, or none."""
    preview: str | None = None
    """sd15 and sdxl: the decoder for fast previews (TAESD): a folder, a repository, or none."""
    vae: str | None = None
    """sd15 and sdxl: the autoencoder in place of the model's own: a folder, a repository, or none."""
    face_scale: float | None = Field(default=None, ge=0, le=2)
    """sd15 and sdxl: the strength of attention to the face where the user's setting is the default."""
    body_scale: float | None = Field(default=None, ge=0, le=2)
    """sd15 and sdxl: the same for the body."""
    image_prompt_scale: float | None = Field(default=None, gt=0, le=2)
    """sd15 and sdxl: the strength of attention to an image prompt; None: 1."""
    image_prompt_blocks: str | None = None
    """sd15 and sdxl: the blocks in which image prompts act, separated by commas, each with =scale where that is not 1;
    None: those of InstantStyle."""
    image_prompt_until: float = Field(default=1.0, gt=0, le=1)
    """sd15 and sdxl: the share of the steps after which image prompts end."""
    face_lora: float = Field(default=0.6, ge=0, le=1)
    """sd15 and sdxl with FaceID: the strength of the LoRA in its file; 0: it is not loaded."""
    batch_max: int | None = Field(default=None, ge=1)
    """sd15 and sdxl: the number of pictures in a batch; None: 8 for sd15, 4 for sdxl."""
    head_pass: bool = True
    """sd15 and sdxl: small heads are drawn a second time, larger."""
    face_root: Path | None = None
    """The folder of insightface's model packs, for face embeddings."""
    face_pack: str = DEFAULT_PACK
    """The name of the model pack."""
    pose_model: Path | None = None
    """The folder of ViTPose, in place of the included person parser; with ENGINE_PERSON_DETECTOR."""
    person_detector: Path | None = None
    """The folder of RT-DETR; with ENGINE_POSE_MODEL."""
    state: Path = Field(default_factory=lambda: Path.home() / ".cache" / "bolid")
    """The folder of the development certificate and of fetched weights."""
    c2pa_certificate: Path | None = None
    """The certificate chain that signs C2PA manifests (PEM, the signer first); None: a development certificate."""
    c2pa_key: Path | None = None
    """The key of the certificate (PEM)."""
    c2pa_tsa: str | None = Field(default=None, pattern="^https?://")
    """The address of a time stamp authority."""
    watermark_key: SecretStr = SecretStr("BoLID")
    """The key of the invisible watermark, which is read with the key that it was written with."""
    translator: str | None = None
    """Translates prompts for models that read English alone: a folder, a repository in the cache of the hub, or
    glossary."""
    safety_model: str | None = None
    """The classifier that rejects nudity: a folder or a repository in the cache of the hub."""
    safety_labels: str = "nsfw,porn,hentai,nude,nudity,explicit"
    """The labels that are rejected, separated by commas."""
    safety_threshold: float = Field(default=0.5, gt=0, le=0.9)
    """The probability from which they are."""
    age_model: str | None = None
    """The classifier that rejects minors: a folder or a repository in the cache of the hub."""
    age_labels: str | None = None
    """The labels that are rejected, separated by commas; None: the groups that begin below 18."""
    age_threshold: float = Field(default=0.5, gt=0, le=0.9)
    """The probability from which they are."""
    hung_s: float = Field(default=300.0, gt=0)
    """Seconds without a step after which a worker ends itself, to be restarted."""
    monitor_listen: str | None = Field(default=None, pattern=r"^[^\s]+:\d{1,5}$")
    """host:port of /healthz, /readyz and /metrics; None: these are not served."""
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    """DEBUG, INFO, WARNING or ERROR."""

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
    """The configuration of the environment. Raises SetupError naming every invalid setting."""
    try:
        return Config()
    except ValidationError as error:
        raise SetupError("; ".join(_fault(fault["loc"], fault["msg"]) for fault in error.errors())) from error


def _fault(location: tuple[int | str, ...], message: str) -> str:
    name = "_".join(map(str, location)).upper()
    return f"{name if name.startswith('ENGINE_') else f'ENGINE_{name}'}: {message.removeprefix('Value error, ')}"
