"""IP-Adapters (Ye et al., 2023) as branches: public weights and ours, in the "Plus" layout, on a diffusers UNet.

diffusers' loader reads the files and builds the image projections and the K and V layers; these move into our branches.
Our branches compute K and V once per request (diffusers' processors: at every step) and let every picture of a batch
have its own number of photos and its own scales.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from diffusers.models.embeddings import IPAdapterFaceIDPlusImageProjection, IPAdapterPlusImageProjection
from safetensors.torch import save_file
from torch import Tensor, nn

from engine.adapter.attention import IMAGE_PROMPT, BranchCondition
from engine.adapter.ip_adapter_file import AdapterFile, check_adapter, read_adapter
from engine.adapter.model import BranchLayers, condition_of, cross_attention_layers
from engine.adapter.region_tokens import RegionPhotos, RegionReading, reading_of, region_condition
from engine.adapter.switchable_lora import SwitchableLora
from engine.errors import WeightsError


@dataclass(frozen=True)
class ReferencePhotos:
    """The input of one branch: all photos of all people of a batch, one row each.

    hidden: penultimate states of the image encoder [n, S, D], or a list of n [S, D] with a number of states S per
    photo. embeddings: ArcFace [n, 512] where the projection reads them. counts: the number of rows of each person.
    """

    hidden: Tensor | Sequence[Tensor]
    counts: Sequence[int]
    embeddings: Tensor | None = None


class IPAdapterBranches(BranchLayers):
    """Image projections and K and V layers of up to one adapter per branch."""

    def __init__(
        self, token_dim: int, layers: dict[str, tuple[int, int]], projections: Mapping[str, nn.Module]
    ) -> None:
        super().__init__(token_dim, layers, tuple(projections))
        self.image_projections = nn.ModuleDict(projections)
        self.readings: dict[str, RegionReading] = {}
        """Branch -> the regions that it reads; branches that read whole photos are absent."""
        self.lora: SwitchableLora | None = None
        """The LoRA that a FaceID file carries."""

    def reads_embeddings(self, branch: str) -> bool:
        """Whether the branch's projection also reads a face embedding."""
        return isinstance(self.image_projections[branch], IPAdapterFaceIDPlusImageProjection)

    def tokens(self, branch: str, hidden: Tensor | Sequence[Tensor], embeddings: Tensor | None = None) -> Tensor:
        """hidden [n, S, D] or n of [S, D], embeddings [n, 512] for a FaceID projection -> [n, N, token_dim].

        A resampler returns N tokens for any number of states."""
        if not isinstance(hidden, Tensor):
            if len({len(states) for states in hidden}) > 1:
                rows = range(len(hidden))
                face = [None if embeddings is None else embeddings[row : row + 1] for row in rows]
                return torch.cat([self.tokens(branch, hidden[row][None], face[row]) for row in rows])
            hidden = torch.stack(list(hidden))
        projection: Any = self.image_projections[branch]
        if not self.reads_embeddings(branch):
            projected: Tensor = projection(hidden)
            return projected
        assert embeddings is not None
        projection.clip_embeds = hidden[:, None]
        try:
            projected = projection(embeddings)
        finally:
            projection.clip_embeds = None
        return projected

    def condition(
        self, branch: str, photos: ReferencePhotos | RegionPhotos, scales: Sequence[float]
    ) -> BranchCondition:
        """Tokens of each person's photos side by side, padded to the largest number; people without photos get none."""
        if isinstance(photos, RegionPhotos):
            return region_condition(self.image_projections[branch], photos, self.readings[branch], scales)
        return condition_of(self.tokens(branch, photos.hidden, photos.embeddings), photos.counts, scales)

    def negative(self, branch: str, photos: ReferencePhotos, like: BranchCondition) -> BranchCondition:
        """The negative half's condition, as in stock pipelines: zeros for picture and face, one per photo of `like`."""
        embeddings = None if photos.embeddings is None else torch.zeros_like(photos.embeddings[:1])
        single = self.tokens(branch, photos.hidden, embeddings)
        assert like.tokens is not None
        people, length = like.tokens.shape[:2]
        repeated = single.repeat(people, length // single.shape[1], 1)
        return BranchCondition(scale=like.scale, tokens=repeated)


def load_branches(
    pipeline: Any, files: Mapping[str, AdapterFile], backbone: str, lora_strength: float = 1.0
) -> IPAdapterBranches:
    """Loads `files` (branch -> file) as our branches on the pipeline's UNet and removes diffusers' processors.

    Branches of the same file share its weights. The LoRA of a FaceID file is kept apart from the weights, switched off;
    with a strength of 0 it is not loaded. Raises WeightsError for a file that is absent, of another layout, or with
    tensors that do not fit the UNet.
    """
    unet, distinct = pipeline.unet, list(dict.fromkeys(files.values()))
    before = dict(unet.attn_processors)
    try:
        states = [read_adapter(file) for file in distinct]
        for file, state in zip(distinct, states, strict=True):
            check_adapter(state, unet, file.name)
        pipeline.load_ip_adapter(
            states, subfolder=[""] * len(distinct), weight_name=[file.name for file in distinct],
            image_encoder_folder=None,
        )  # fmt: skip
        if lora_strength == 0 and getattr(unet, "peft_config", None):
            pipeline.unload_lora_weights()
        branches = _take_over(unet, {name: distinct.index(file) for name, file in files.items()})
        branches.readings = _readings(files)
        _check_image_prompt(branches)
    except (OSError, ValueError, KeyError, RuntimeError, IndexError, UnpicklingError) as error:
        reason = str(error).strip().partition("\n")[0]
        names = ", ".join(f"{file.source}/{file.subfolder}/{file.name}" for file in files.values())
        raise WeightsError(
            f"expected IP-Adapter files {names}, could not load them ({reason}): "
            f"run `python -m engine doctor --backbone {backbone} --download`, "
            "or set ENGINE_BODY_ADAPTER, ENGINE_FACE_ADAPTER and ENGINE_IMAGE_PROMPT_ADAPTER"
        ) from error
    unet.encoder_hid_proj = None  # before the processors: its own attention would be counted among the UNet's
    unet.config.encoder_hid_dim_type = None
    unet.set_attn_processor(before)
    branches.to(unet.device, unet.dtype).eval().requires_grad_(False)
    branches.attach(unet)
    if getattr(unet, "peft_config", None):
        branches.lora = SwitchableLora(unet, lora_strength)
    return branches


def _readings(files: Mapping[str, AdapterFile]) -> dict[str, RegionReading]:
    found = {name: reading_of(Path(file.source) / file.subfolder / file.name) for name, file in files.items()}
    return {name: reading for name, reading in found.items() if reading is not None}


def _check_image_prompt(branches: IPAdapterBranches) -> None:
    """Raises ValueError where the image prompt's file is one for people: it reads regions or face embeddings."""
    if IMAGE_PROMPT in branches.readings or (
        IMAGE_PROMPT in branches.image_projections and branches.reads_embeddings(IMAGE_PROMPT)
    ):
        raise ValueError("expected an adapter for any picture as the image prompt's, got one for people")


def _take_over(unet: Any, numbers: Mapping[str, int]) -> IPAdapterBranches:
    """numbers: branch -> index of its adapter among those that diffusers has loaded."""
    loaded = unet.encoder_hid_proj.image_projection_layers
    unknown = [
        type(projection).__name__
        for projection in loaded
        if not isinstance(projection, IPAdapterPlusImageProjection | IPAdapterFaceIDPlusImageProjection)
    ]
    if unknown:
        raise ValueError(f"expected the Plus or FaceID-Plus layout, got {', '.join(unknown)}")
    for projection in loaded:
        if isinstance(projection, IPAdapterFaceIDPlusImageProjection):
            projection.shortcut = True  # what "v2" of FaceID-Plus adds
    layers = cross_attention_layers(unet)
    projections = {name: loaded[number] for name, number in numbers.items()}
    branches = IPAdapterBranches(unet.config.cross_attention_dim, layers, projections)
    processors = unet.attn_processors
    for layer in layers:
        projections_of_layer = branches.layer(layer)
        for name, number in numbers.items():
            projections_of_layer.to_k[name].weight = processors[layer].to_k_ip[number].weight
            projections_of_layer.to_v[name].weight = processors[layer].to_v_ip[number].weight
    return branches


def new_branches(unet: Any, projections: Mapping[str, IPAdapterPlusImageProjection]) -> IPAdapterBranches:
    """Untrained branches for a UNet: K and V begin as copies of the text's, as IP-Adapter's own training does."""
    layers = cross_attention_layers(unet)
    branches = IPAdapterBranches(unet.config.cross_attention_dim, layers, projections)
    modules = dict(unet.named_modules())
    for layer in layers:
        attention, projections_of_layer = modules[layer.removesuffix(".processor")], branches.layer(layer)
        for name in projections:
            projections_of_layer.to_k[name].load_state_dict(attention.to_k.state_dict())
            projections_of_layer.to_v[name].load_state_dict(attention.to_v.state_dict())
    return branches


def export_plus(branches: IPAdapterBranches, branch: str, unet: Any, path: Path) -> None:
    """Writes one branch as a safetensors file in the IP-Adapter "Plus" layout, which stock diffusers loads; how it
    reads regions goes into the file's metadata."""
    state = {f"image_proj.{name}": value for name, value in plus_names(branches.image_projections[branch]).items()}
    for number, layer in enumerate(unet.attn_processors):
        if layer in branches.layer_names:
            projections_of_layer = branches.layer(layer)
            state[f"ip_adapter.{number}.to_k_ip.weight"] = projections_of_layer.to_k[branch].state_dict()["weight"]
            state[f"ip_adapter.{number}.to_v_ip.weight"] = projections_of_layer.to_v[branch].state_dict()["weight"]
    metadata = branches.readings[branch].metadata() if branch in branches.readings else None
    save_file({name: value.detach().cpu().contiguous() for name, value in state.items()}, path, metadata)


def plus_names(projection: nn.Module) -> dict[str, Tensor]:
    """The resampler's tensors under the names of IP-Adapter's own code (layers.N.0: attention, layers.N.1: MLP)."""
    if not isinstance(projection, IPAdapterPlusImageProjection | IPAdapterFaceIDPlusImageProjection):
        raise TypeError(f"expected a projection with a resampler, got {type(projection).__name__}")
    state = projection.state_dict()
    renamed = {name: value for name, value in state.items() if not name.startswith("layers.")}
    for number in range(len(projection.layers)):
        theirs, ours = f"layers.{number}", f"layers.{number}"
        renamed |= {
            f"{theirs}.0.norm1.weight": state[f"{ours}.ln0.weight"],
            f"{theirs}.0.norm1.bias": state[f"{ours}.ln0.bias"],
            f"{theirs}.0.norm2.weight": state[f"{ours}.ln1.weight"],
            f"{theirs}.0.norm2.bias": state[f"{ours}.ln1.bias"],
            f"{theirs}.0.to_q.weight": state[f"{ours}.attn.to_q.weight"],
            f"{theirs}.0.to_kv.weight": torch.cat(
                [state[f"{ours}.attn.to_k.weight"], state[f"{ours}.attn.to_v.weight"]]
            ),
            f"{theirs}.0.to_out.weight": state[f"{ours}.attn.to_out.0.weight"],
            f"{theirs}.1.0.weight": state[f"{ours}.ff.0.weight"],
            f"{theirs}.1.0.bias": state[f"{ours}.ff.0.bias"],
            f"{theirs}.1.1.weight": state[f"{ours}.ff.1.net.0.proj.weight"],
            f"{theirs}.1.3.weight": state[f"{ours}.ff.1.net.2.weight"],
        }
    return renamed
