"""The few-step branch of identity losses: pictures from pure noise, as a distilled sampler draws them.

PuLID (Guo et al., 2024) draws with SDXL-Lightning in four steps during training, so that a recognition network reads
finished pictures and gradients flow through all steps. Here a distillation's LoRA is added to the frozen base; it is
active only while this branch draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from peft.tuners.lora import LoraLayer
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from engine.adapter.attention import split_heads
from engine.adapter.model import cross_attention_layers
from engine.backbones.loading import FewSteps
from engine.backbones.options import file_place
from engine.hub.repositories import HuggingFaceHub
from trainer.adapter.base import FAMILIES, Layout, PublicBase
from trainer.errors import DataError
from trainer.losses import layout_alignment, semantic_alignment

Predict = Callable[[Tensor, Tensor], Tensor]
"""Noisy latents [B, C, h, w] and timestep [B] -> the UNet's prediction [B, C, h, w]."""


class DistilledLora:
    """A distillation's LoRA on a UNet, active only inside `acting`. Its weights are frozen."""

    def __init__(self, layout: Layout, unet: Any, path: Path) -> None:
        """Loads the LoRA of a file. Raises DataError for a file that is no LoRA of this UNet."""
        kind = StableDiffusionPipeline if layout == "sd15" else StableDiffusionXLPipeline
        try:
            state, alphas = kind.lora_state_dict(
                str(path.parent), weight_name=path.name, unet_config=unet.config, local_files_only=True
            )
            kind.load_lora_into_unet(state, network_alphas=alphas, unet=unet)
        except (OSError, ValueError, KeyError, IndexError, RuntimeError, TypeError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise DataError(
                f"expected a LoRA of {layout} in {path}, got {reason}: give another identity.lora"
            ) from error
        self._unet = unet
        self._layers = [module for module in unet.modules() if isinstance(module, LoraLayer)]
        if not self._layers:
            raise DataError(f"expected a LoRA of {layout} in {path}, got one that fits nowhere: give another")
        self._active = True
        self._switch(False)

    @contextmanager
    def acting(self, active: bool = True) -> Iterator[None]:
        before = self._active
        self._switch(active)
        try:
            yield
        finally:
            self._switch(before)

    def checkpoint(self, block: Callable[..., Any], *arguments: Any) -> Any:
        """Replaces torch's gradient checkpointing: a block is recomputed with the LoRA in the state of the forward
        pass."""
        active = self._active

        def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
            return nullcontext(), self.acting(active)

        return checkpoint(block, *arguments, use_reentrant=False, context_fn=contexts)

    def _switch(self, active: bool) -> None:
        if active == self._active:
            return
        for layer in self._layers:
            layer.enable_adapters(active)
            for name, parameter in layer.named_parameters():
                if "lora_" in name:
                    parameter.requires_grad_(False)  # which peft sets on what it enables
        self._active = active


@dataclass(frozen=True)
class FewStepDrawing:
    """latents [B, C, h, w], scaled; semantic, layout: PuLID's alignment losses, 0 where they were not requested."""

    latents: Tensor
    semantic: Tensor
    layout: Tensor


class FewStepBranch:
    """Draws with the steps and the sampler that a LoRA was distilled for."""

    def __init__(self, unet: Any, lora: DistilledLora, few: FewSteps, config: Any, steps: int | None = None) -> None:
        """config: the configuration of the base's own scheduler."""
        self.unet, self.lora = unet, lora
        self.steps = few.steps if steps is None else steps
        self._scheduler: Callable[[], Any] = lambda: few.scheduler.from_config(config, **few.settings)

    def draw(
        self, noise: Tensor, predict: Predict, without: Predict | None = None, generator: torch.Generator | None = None
    ) -> FewStepDrawing:
        """noise [B, C, h, w], normal. Gradients flow through all steps. without: predicts without the person, for the
        alignment losses. generator: for the noise that some samplers add."""
        scheduler, plain = self._scheduler(), self._scheduler()
        for one in (scheduler, plain):
            one.set_timesteps(self.steps, device=noise.device)
        latents = other = noise * scheduler.init_noise_sigma
        semantic, layout = [], []
        for timestep in scheduler.timesteps:
            at, seed = timestep.expand(len(noise)), _seed(generator)
            with self.lora.acting(), attention_inputs(self.unet) as inputs:
                predicted = predict(scheduler.scale_model_input(latents, timestep), at).float()
            latents = _stepped(scheduler, predicted, timestep, latents, seed)
            if without is None:
                continue
            with torch.no_grad(), self.lora.acting(), attention_inputs(self.unet) as usual:
                expected = without(plain.scale_model_input(other, timestep), at).float()
            other = _stepped(plain, expected, timestep, other, seed)
            with torch.autocast(noise.device.type, enabled=False):
                for layer, (query, key) in inputs.items():
                    losses = checkpoint(alignment, query, usual[layer][0], key.detach(), use_reentrant=False)
                    semantic.append(losses[0])
                    layout.append(losses[1])
        none = torch.zeros((), device=noise.device)
        return FewStepDrawing(
            latents,
            torch.stack(semantic).mean() if semantic else none,
            torch.stack(layout).mean() if layout else none,
        )


def alignment(query: Tensor, before: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
    """The losses L_align-sem and L_align-layout of a layer, from its queries with and without the person and its keys
    of the text."""
    query, before, key = query.float(), before.float(), key.float()
    return semantic_alignment(query, before, key), layout_alignment(query, before)


def find_lora(base: PublicBase, few: FewSteps, path: Path | None) -> Path:
    """The operator's file, or the published one in the hub's cache. Raises DataError with the remedy."""
    if path is not None:
        if not path.is_file():
            raise DataError(f"expected a LoRA at {path}, found none: give another identity.lora")
        return path
    place = file_place(few.lora)
    home = HuggingFaceHub().folder(place.source)
    found = None if home is None else home / place.subfolder / place.name
    if found is None or not found.is_file():
        raise DataError(
            f"expected {few.lora} in the hub's cache, found none: run `python -m engine doctor --backbone "
            f"{base.layout} --download all`, or give identity.lora in the recipe"
        )
    return found


def few_steps_of(layout: Layout, name: str) -> FewSteps:
    """The distillation; name: "" for the one that the engine draws with. Raises DataError for one that the base
    lacks."""
    family = FAMILIES[layout]
    chosen = name or family.distilled
    if chosen not in family.few_steps:
        raise DataError(f"expected identity.few_steps to be {' or '.join(family.few_steps)} for {layout}, got {name}")
    return family.few_steps[chosen]


def _seed(generator: torch.Generator | None) -> int:
    """The seed of a step's noise: with it, the drawings with and without the person get the same noise."""
    if generator is None:
        return 0
    return int(torch.randint(2**62, (1,), generator=generator, device=generator.device))


def _stepped(scheduler: Any, predicted: Tensor, timestep: Tensor, latents: Tensor, seed: int) -> Tensor:
    noise = torch.Generator(latents.device).manual_seed(seed)
    stepped: Tensor = scheduler.step(predicted, timestep, latents, generator=noise).prev_sample
    return stepped


@contextmanager
def attention_inputs(unet: Any) -> Iterator[dict[str, tuple[Tensor, Tensor]]]:
    """Records the cross-attention calls of the block: layer -> queries [B, heads, L, d] and keys of the text [B, heads,
    M, d]."""
    found: dict[str, tuple[Tensor, Tensor]] = {}
    queries: dict[str, Tensor] = {}
    hooks = []
    for name in cross_attention_layers(unet):
        layer = name.removesuffix(".processor")
        attention = unet.get_submodule(layer)

        def keep_query(module: Any, given: Any, result: Tensor, layer: str = layer) -> None:
            queries[layer] = result

        def keep_key(module: Any, given: Any, result: Tensor, layer: str = layer, heads: int = attention.heads) -> None:
            found[layer] = (split_heads(queries[layer], heads), split_heads(result, heads))

        hooks += [attention.to_q.register_forward_hook(keep_query), attention.to_k.register_forward_hook(keep_key)]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()
