"""GPU memory of a run, by calculation on the meta device: nothing is allocated.

Weights and optimizer are counted exactly. Activations are the tensors that autograd keeps for the backward pass of one
row, under CUDA's rules of mixed precision (matrix products and convolutions in bfloat16, norms in float32) and with
fused attention, which keeps no L x L matrix. OVERHEAD estimates CUDA's context, work space and fragmentation.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, AutoencoderTiny, UNet2DConditionModel
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.overrides import TorchFunctionMode

from engine.adapter.attention import BranchCondition
from engine.adapter.ip_adapter import IPAdapterBranches
from engine.adapter.region_tokens import resampled
from engine.backbones.published_unets import UNETS
from trainer.adapter.base import Layout
from trainer.adapter.batches import ARCFACE
from trainer.adapter.few_steps import alignment, attention_inputs, few_steps_of
from trainer.adapter.methods import build_branches, plan_of
from trainer.adapter.recipe import IdentityRecipe, Recipe, read_recipe
from trainer.errors import DataError

GIB: Final = 2**30
OVERHEAD: Final = (1.0, 1.1)
"""GiB of CUDA's context, and a factor on all other memory."""
HIDDEN, EMBEDS, STATES, TEXT_TOKENS = 1280, 1024, 257, 77
"""CLIP ViT-H at 224 px: width of its states and of its embedding, number of states; and the number of text tokens."""
PICTURES: Final[dict[Layout, tuple[int, int]]] = {"sd15": (512, 768), "sdxl": (832, 1216)}
VAE_FACTOR: Final = 8
PUBLISHED_VAE: Final[dict[str, Any]] = {
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "block_out_channels": (128, 256, 512, 512),
    "layers_per_block": 2,
}
"""The configuration of the autoencoder of both SD 1.5 and SDXL."""
RECIPES: Final = Path(__file__).parents[1] / "configs" / "adapter"
"""The shipped recipes, named BASE-CARDgb.yaml."""


@dataclass(frozen=True)
class MemoryNeed:
    """GiB. base: the frozen UNet; trained: branches, their gradients, the optimizer's moments and the average;
    row: activations of one row; drawn: of one row that the few-step branch draws, 0 where none is; total: at the
    recipe's batch, with the overhead. parameters: the number of trained ones."""

    parameters: int
    base: float
    trained: float
    row: float
    drawn: float
    total: float


def memory_need(layout: Layout, recipe: Recipe) -> MemoryNeed:
    """The memory of a run on the published layout, at 512 x 768 px for sd15 and 832 x 1216 px for sdxl.

    Raises DataError for methods with an IdentityNet, whose memory is not calculated."""
    if plan_of(recipe).points is not None:
        raise DataError(f"expected a method without a ControlNet, got {recipe.method}: its memory is not calculated")
    with torch.device("meta"):
        unet = UNet2DConditionModel(**UNETS[layout]).requires_grad_(False)
        branches = build_branches(plan_of(recipe), unet, HIDDEN, EMBEDS)
    if recipe.base_precision == "bf16":
        for parameter in unet.parameters():
            parameter.data = parameter.data.bfloat16()
    learned = sum(parameter.numel() for parameter in branches.parameters())
    base_bytes = sum(_bytes(parameter) for parameter in unet.parameters())
    moment_bytes = 1 if recipe.optimizer == "adamw8bit" else 4
    trained_bytes = learned * (4 + 4 + 4 + 2 * moment_bytes)
    row, step = kept_activations(layout, recipe, unet, branches)
    row_bytes = row.bytes + row.largest_block
    drawn_bytes, drawn_rows = 0, 0
    if recipe.identity is not None:
        drawn_rows = min(recipe.identity.rows, recipe.batch)
        steps = recipe.identity.steps or few_steps_of(layout, recipe.identity.few_steps).steps
        decoded = decoder_activations(layout, recipe.identity)
        drawn_bytes = steps * step.bytes + step.largest_block + decoded.bytes + decoded.largest_block
    fixed, factor = OVERHEAD
    activations = recipe.batch * row_bytes + drawn_rows * drawn_bytes
    total = fixed + factor * (base_bytes + trained_bytes + activations) / GIB
    return MemoryNeed(learned, base_bytes / GIB, trained_bytes / GIB, row_bytes / GIB, drawn_bytes / GIB, total)


def memory_table(folder: Path = RECIPES) -> str:
    """A Markdown table of the recipes in a folder (default: the shipped ones)."""
    lines = [
        "| recipe | method | settings | learned | base, GiB | trained, GiB | a row, GiB | a drawn row, GiB "
        "| all, GiB |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    return "\n".join(lines + [memory_row(path) for path in sorted(folder.glob("*.yaml"))])


def memory_row(path: Path) -> str:
    """A recipe's row of the table."""
    recipe = read_recipe(path, {})
    need = memory_need("sdxl" if path.stem.startswith("sdxl") else "sd15", recipe)
    summary = f"batch {recipe.batch} x {recipe.accumulation}, {recipe.optimizer}"
    summary += ", checkpointing" if recipe.gradient_checkpointing else ""
    return (
        f"| {path.stem} | {recipe.method} | {summary} | {need.parameters / 1e6:.0f} M | {need.base:.1f} "
        f"| {need.trained:.1f} | {need.row:.2f} | {f'{need.drawn:.2f}' if need.drawn else ''} | {need.total:.1f} |"
    )


@dataclass(frozen=True)
class KeptBytes:
    """Bytes of activations, and of the largest block that is recomputed."""

    bytes: int
    largest_block: int


class KeptTensors:
    """Counts the bytes that autograd saves; tensors that share storage count once, parameters not at all."""

    def __init__(self, excluded: set[int]) -> None:
        """excluded: storages that are not counted, such as those of parameters."""
        self.bytes, self.largest_block = 0, 0
        self._excluded, self._alive = set(excluded), list[Tensor]()

    def counting(self) -> AbstractContextManager[Any]:
        return saved_tensors_hooks(self._keep, lambda tensor: tensor)

    def checkpoint(self, block: Callable[..., Any], *arguments: Any) -> Any:
        """Replaces torch's checkpointing: counts the inputs of all blocks, and the inner tensors of the largest
        block."""
        for argument in arguments:
            if isinstance(argument, Tensor) and argument.requires_grad:
                self._keep(argument)
        inside = KeptTensors(self._excluded)
        with inside.counting():
            result = block(*arguments)
        self.largest_block = max(self.largest_block, inside.bytes)
        return result

    def _keep(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()._cdata
        if storage not in self._excluded:
            self._excluded.add(storage)
            self._alive.append(tensor)  # an address may be used again once its tensor is gone
            self.bytes += tensor.untyped_storage().nbytes()
        return tensor


def kept_activations(
    layout: Layout, recipe: Recipe, unet: Any, branches: IPAdapterBranches
) -> tuple[KeptBytes, KeptBytes]:
    """Activations of one training row, and of one drawn row, with the alignment losses where the recipe has them; unet
    and branches are on the meta device."""
    branches.attach(unet)
    parameters = [*unet.parameters(), *branches.parameters()]
    saved = KeptTensors({parameter.untyped_storage()._cdata for parameter in parameters})
    if recipe.gradient_checkpointing:
        unet.enable_gradient_checkpointing(gradient_checkpointing_func=saved.checkpoint)
    width, height = PICTURES[layout]
    with ExitStack() as stack:
        stack.enter_context(torch.device("meta"))
        noisy = torch.zeros(1, 4, height // VAE_FACTOR, width // VAE_FACTOR)
        text = torch.zeros(1, TEXT_TOKENS, unet.config.cross_attention_dim)
        added = {"text_embeds": torch.zeros(1, 1280), "time_ids": torch.zeros(1, 6)} if layout == "sdxl" else None
        stack.enter_context(saved.counting())
        if recipe.precision == "bf16":
            stack.enter_context(_MixedPrecision())
        stack.enter_context(_FusedAttention())
        identity = _identity(branches, recipe.pairing.references)
        time = torch.zeros(1, dtype=torch.long)
        inputs = stack.enter_context(attention_inputs(unet))
        unet(noisy, time, text, added_cond_kwargs=added, cross_attention_kwargs={"identity": identity})
        plain = KeptBytes(saved.bytes, saved.largest_block)
        for query, key in inputs.values() if recipe.identity is not None else ():
            saved.bytes += _bytes(query)  # the same without the person
            saved.checkpoint(alignment, query.detach().requires_grad_(), torch.zeros_like(query), key.detach())
    return plain, KeptBytes(saved.bytes, saved.largest_block)


def decoder_activations(layout: Layout, settings: IdentityRecipe) -> KeptTensors:
    """Activations of decoding one picture: by the published autoencoder in full precision with recomputed blocks, or by
    TAESD."""
    width, height = PICTURES[layout]
    with torch.device("meta"):
        vae: Any = AutoencoderKL(**PUBLISHED_VAE) if settings.decoder is None else AutoencoderTiny()
        latents = torch.zeros(1, 4, height // VAE_FACTOR, width // VAE_FACTOR, requires_grad=True)
    saved = KeptTensors({parameter.untyped_storage()._cdata for parameter in vae.requires_grad_(False).parameters()})
    if settings.decoder is None:
        vae.enable_gradient_checkpointing(gradient_checkpointing_func=saved.checkpoint)
    with ExitStack() as stack:
        stack.enter_context(saved.counting())
        if settings.decoder is not None:
            stack.enter_context(_MixedPrecision())
        stack.enter_context(_FusedAttention())
        vae.decode(latents)
    return saved


def _identity(branches: IPAdapterBranches, photos: int) -> dict[str, BranchCondition]:
    """The condition of one person's photos with every region, as `methods.conditions` returns it."""
    identity = {}
    for name, projection in branches.image_projections.items():
        if branches.reads_embeddings(name):
            tokens = branches.tokens(name, torch.zeros(photos, STATES, HIDDEN), torch.zeros(photos, ARCFACE))
        elif name not in branches.readings:
            tokens = projection(torch.zeros(photos, EMBEDS))
        else:
            regions = len(branches.readings[name].regions)
            latents: Any = projection.latents
            queries = latents.view(regions, -1, latents.shape[-1]).repeat(photos, 1, 1)
            states, weights = torch.zeros(len(queries), STATES, HIDDEN), torch.ones(len(queries), STATES)
            tokens = resampled(projection, states, queries, weights)
        identity[name] = BranchCondition(torch.ones(1), tokens.flatten(0, 1)[None])
    return identity


class _FusedSave(torch.autograd.Function):
    """The bytes that fused attention keeps: query, key, value, output, and one logarithm per query."""

    @staticmethod
    def forward(context: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        mixed = query.new_empty(*query.shape[:-1], value.shape[-1])
        context.save_for_backward(query, key, value, mixed, query.new_empty(query.shape[:-1], dtype=torch.float32))
        return mixed


class _FusedAttention(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is F.scaled_dot_product_attention:
            return _FusedSave.apply(*args[:3])  # type: ignore[no-untyped-call]
        return func(*args, **(kwargs or {}))


class _MixedPrecision(TorchFunctionMode):
    """torch.autocast("cuda", torch.bfloat16), which does not act on the meta device."""

    low: Final = frozenset({F.linear, F.conv2d, torch.matmul, torch.bmm, F.scaled_dot_product_attention})
    high: Final = frozenset({F.group_norm, F.layer_norm})

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        dtype = torch.bfloat16 if func in self.low else torch.float32 if func in self.high else None
        if dtype is not None:
            args = [_cast(value, dtype) for value in args]
            kwargs = {name: _cast(value, dtype) for name, value in kwargs.items()}
        return func(*args, **kwargs)


def _cast(value: Any, dtype: torch.dtype) -> Any:
    return value.to(dtype) if isinstance(value, Tensor) and value.is_floating_point() else value


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()
