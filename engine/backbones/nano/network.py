"""nano's network: a UNet over latents, a body map and aligned texture, with text, face and body branches.

Tokens of the image branches carry the point of the body that they show, queries the point that is to appear at their
place (`BranchCondition.positions`), so that the same part of the body is found in any pose.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Final

import torch
import torch.nn.functional as F
from diffusers import UNet2DConditionModel
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from engine.adapter.attention import BRANCHES, BranchCondition, IdentityCondition, KeysValues
from engine.adapter.model import AttentionPool, BranchLayers, ViewEncoder, cross_attention_layers, text_keys_values
from engine.backbones.autoencoder import NanoAutoencoder
from engine.backbones.nano.appearance import FRAME_CHANNELS, VIEW_CHANNELS, Appearance, place_in_frame
from engine.backbones.nano.attributes import SLOTS
from engine.backbones.nano.flow import TIMESTEPS, Prediction, coefficients
from engine.backbones.nano.layout import flat_picture, one_hot
from engine.body.atlas import Atlas
from engine.body.body_map import MAP_CHANNELS, BodyMaps
from engine.body.texture import PARTS, TEXTURE_CHANNELS
from engine.identity.body import BodyPart

PATCH_PX: Final = 4
LATENT_CHANNELS: Final = 12
CELL: Final = 2
"""Map pixels per latent position, each way: patches of 4 px, maps at half the size."""
FREQUENCIES: Final = 4
POSITION_DIM: Final = 3 + 3 * 2 * FREQUENCIES + 1
FACE_SIZE: Final = 48
BODY_SIZE: Final = (64, 96)
VIEW_PATCH: Final = 8
HEAD_DIM: Final = 32
"""The size of an attention head: matrix units multiply it without padding."""


def position_codes(maps: Tensor, cell: int) -> Tensor:
    """maps [B, MAP_CHANNELS, h, w] of `BodyMaps.channels` -> [B, h / cell * w / cell, POSITION_DIM]: the mean
    coordinates of each cell's body pixels with Fourier features, and the share of body in the cell."""
    inside = (maps[:, 6:] + 1) / 2
    share = F.avg_pool2d(inside, cell, ceil_mode=True)
    mean = F.avg_pool2d(maps[:, :3] * inside, cell, ceil_mode=True) / share.clamp(min=1e-3)
    octaves = math.pi * 2.0 ** torch.arange(FREQUENCIES, device=maps.device, dtype=maps.dtype)
    angles = (mean[:, :, None] * octaves[:, None, None]).flatten(1, 2)
    features = torch.cat([mean, angles.sin(), angles.cos()], 1) * (share > 0)
    return torch.cat([features, share], 1).flatten(2).transpose(1, 2)


@dataclass(frozen=True)
class Conditioning:
    """All that the UNet reads besides latents and time, and what its output is joined with. text [B, slots, D]; pooled
    [B, 3 D]; structure [B, STRUCTURE_CHANNELS, h, w]; flat [B, C, h, w]: latents of the person in flat colours; shading
    [B, C, h, w]: what the photo's head adds to these, eyes and mouth included; background [B, C, h, w]: latents of what
    is behind the person; detail [B, 3, H, W]: what of the flat colours the latents lack; alpha [B, 1, H, W]: how much
    of each pixel is the person; text_keys_values: K and V of the text where they are computed already."""

    text: Tensor
    pooled: Tensor
    identity: IdentityCondition
    structure: Tensor
    flat: Tensor
    shading: Tensor
    background: Tensor
    detail: Tensor
    alpha: Tensor
    text_keys_values: KeysValues | None = None


class AttributeEncoder(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Values of the slots in `attributes.SLOTS` -> one token per slot."""

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(self, token_dim: int = 192) -> None:
        super().__init__()
        sizes = [len(values) + 1 for values in SLOTS.values()]
        self.register_buffer("first", torch.tensor([sum(sizes[:n]) for n in range(len(sizes))]), persistent=False)
        self.embedding = nn.Embedding(sum(sizes), token_dim)
        self.slots = nn.Parameter(torch.randn(len(sizes), token_dim) * 0.3)
        self.norm = nn.LayerNorm(token_dim)
        self.pool = nn.Linear(len(sizes) * token_dim, token_dim)

    def forward(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """values int64 [B, slots], 0 where a slot is not said -> tokens [B, slots, D], pooled [B, D]."""
        embeddings = self.embedding(values + self.first)
        return self.norm(embeddings + self.slots), self.pool(embeddings.flatten(1))


class ReferenceEncoder(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Reference views -> tokens of the face and body branches, one vector of each, and K and V in every layer."""

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self, layers: dict[str, tuple[int, int]], token_dim: int = 192, depth: int = 2, heads: int = 6
    ) -> None:
        super().__init__()
        sizes = {"face": (FACE_SIZE, FACE_SIZE), "body": BODY_SIZE}
        self.encoders = nn.ModuleDict(
            {
                name: ViewEncoder(size, VIEW_PATCH, token_dim, depth, heads, VIEW_CHANNELS)
                for name, size in sizes.items()
            }
        )
        self.positions = nn.ModuleDict({name: nn.Linear(POSITION_DIM, token_dim) for name in BRANCHES})
        self.pools = nn.ModuleDict({name: AttentionPool(token_dim, heads) for name in BRANCHES})
        self.branches = BranchLayers(
            token_dim,
            {name: (int(width), int(count)) for name, (width, count) in layers.items()},
            BRANCHES,
            POSITION_DIM,
        )

    def tokens(self, branch: str, view: Tensor) -> Tensor:
        """view [B, VIEW_CHANNELS, H, W] -> [B, N, token_dim]."""
        codes = position_codes(view[:, 4:], VIEW_PATCH)
        tokens: Tensor = self.encoders[branch](view) + self.positions[branch](codes)
        return tokens


class Palette(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """The colour of every part of the person: as the photos show it, or as words say."""

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(self, token_dim: int = 192) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(token_dim + 4 * PARTS, 2 * token_dim), nn.SiLU(), nn.Linear(2 * token_dim, 3 * PARTS)
        )
        for parameter in self.layers[-1].parameters():
            nn.init.zeros_(parameter)

    def forward(self, words: Tensor, photo_palette: Tensor) -> Tensor:
        """words [B, D], pooled; photo_palette [B, PARTS, 4] of `palette_of` -> RGB [B, PARTS, 3], nominally in [-1,
        1]."""
        change: Tensor = self.layers(torch.cat([words, photo_palette.flatten(1)], 1))
        return photo_palette[..., :3] + change.view(-1, PARTS, 3)


class NanoNetwork(nn.Module):
    """The parts that learn together, and the autoencoder, which does not.

    The UNet draws two layers, the person and what is behind, and the layout's edge joins them: at an edge the picture
    is a product of both, which a small network cannot learn, and drew halos for (trainer/LOG.md 27). What is behind is
    drawn as a difference from a coarse background (`BackgroundDenoiser`): light, shadow, detail. The person is drawn as
    a difference from the layout in flat colours and, where a gate opens, the shading of the photo's aligned head: as in
    CP-VTON (Wang et al., 2018) a mask says what of a warped photo fits the new pose, and the UNet draws the rest.
    """

    spread: Tensor

    def __init__(
        self,
        unet: UNet2DConditionModel,
        words: AttributeEncoder,
        references: ReferenceEncoder,
        palette: Palette,
        vae: NanoAutoencoder,
        atlas: Atlas,
    ) -> None:
        super().__init__()
        self.unet: Any = unet
        self.words = words
        self.references = references
        self.palette = palette
        self.vae = vae.requires_grad_(False)
        self.atlas = atlas
        self.register_buffer("spread", vae.variances().flatten().sqrt(), persistent=False)
        references.branches.attach(unet)

    def condition(
        self, values: Tensor, appearance: Appearance, maps: BodyMaps, layout: Tensor, background: Tensor
    ) -> Conditioning:
        """values [B, slots]; maps of the target pose; layout int64 [B, H, W] of BodyPart: see `LayoutPredictor`;
        background [B, 3, rows, columns] in about [-1, 1], enlarged here: see `BackgroundDenoiser`."""
        text, pooled_text = self.words(values)
        channels = maps.channels(self.atlas)
        rows, columns = channels.shape[2] // CELL, channels.shape[3] // CELL
        positions = {
            rows * columns // 4**level: position_codes(channels, CELL * 2**level) for level in range(self.levels())
        }
        identity, pooled = {}, [pooled_text]
        for name, scale in zip(BRANCHES, appearance.scales, strict=True):
            tokens = self.references.tokens(name, getattr(appearance.views, name))
            identity[name] = BranchCondition(scale, tokens, positions=positions)
            pooled.append(scale[:, None] * self.references.pools[name](tokens))
        colours = self.palette(pooled_text, appearance.palette).float()
        flat_rgb, alpha = flat_picture(without_features(layout), colours)
        flat = self.vae.encode(flat_rgb).latents
        detail = flat_rgb - self.vae.decode(flat).sample
        head = self.head_latents(appearance.head)
        shading = self.vae.encode(flat_rgb + shading_of(appearance.head, appearance.head_parts)).latents - flat
        wide = F.interpolate(background.float(), size=layout.shape[1:], mode="bicubic", align_corners=False)
        background_latents = self.vae.encode(wide).latents
        structure = structure_of(
            channels, appearance.texture[:, :TEXTURE_CHANNELS], layout, flat, head, background_latents
        )
        return Conditioning(
            text, torch.cat(pooled, 1), identity, structure, flat, shading, background_latents, detail, alpha
        )

    def head_latents(self, head: Tensor) -> Tensor:
        """head [B, 4, H, W] of `Appearance` -> [B, C + 1, h, w]: its latents and its mask."""
        mask = F.avg_pool2d(head[:, 3:], PATCH_PX)
        return torch.cat([self.vae.encode(head[:, :3]).latents * (mask > 0), mask], 1)

    def levels(self) -> int:
        return len(self.unet.config.block_out_channels)

    def cached(self, conditioning: Conditioning) -> Conditioning:
        """The same conditioning with K and V of all layers computed, for a sampler that takes several steps."""
        return replace(
            conditioning,
            identity=self.references.branches.cache(conditioning.identity),
            text_keys_values=text_keys_values(self.unet, conditioning.text),
        )

    def predict(self, z: Tensor, time: Tensor, conditioning: Conditioning) -> Prediction:
        """The prediction of the clean picture from z [B, C, h, w] at times [B]."""
        c = coefficients(time, self.spread.view(1, -1, 1, 1))
        cached: dict[str, Any] = {"identity": conditioning.identity}
        if conditioning.text_keys_values is not None:
            cached["text"] = conditioning.text_keys_values
        output: Tensor = self.unet(
            torch.cat([c.into * z, conditioning.structure], 1),
            TIMESTEPS * time,
            conditioning.text,
            class_labels=conditioning.pooled,
            cross_attention_kwargs=cached,
            return_dict=False,
        )[0].float()
        layers, gate = output[:, :-1], torch.sigmoid(output[:, -1:])
        person, background = (c.out * layer for layer in layers.view(len(z), -1, LAYERS, *z.shape[2:]).unbind(2))
        # of the clean latents c_skip z holds the share c_skip t already
        share = 1 - c.skip * time[:, None, None, None]
        person = person + share * (conditioning.flat + gate * conditioning.shading)
        background = background + share * conditioning.background
        front = self.vae.decode(person).sample + conditioning.detail
        composite = torch.lerp(self.vae.decode(background).sample.float(), front.float(), conditioning.alpha.float())
        latents = self.vae.encode(composite).latents
        clean = c.skip * z + latents
        return Prediction(
            clean, latents / c.out, composite + self.vae.decode(clean).sample - self.vae.decode(latents).sample
        )


LAYERS: Final = 2
STRUCTURE_CHANNELS: Final = (
    (MAP_CHANNELS + TEXTURE_CHANNELS) * CELL**2 + FRAME_CHANNELS + PARTS * PATCH_PX**2 + 3 * LATENT_CHANNELS + 1
)


def without_features(parts: Tensor) -> Tensor:
    """int64 [B, H, W] of BodyPart in which eyes, brows and lips are skin, since they have no single colour."""
    return torch.where(parts == BodyPart.FACE, int(BodyPart.SKIN), parts)


def shading_of(head: Tensor, head_parts: Tensor) -> Tensor:
    """head [B, 4, H, W] and head_parts [B, H, W] of `Appearance` -> [B, 3, H, W]: the photo's head minus the mean
    colour of each part of it, which depends on the photo's light, times the mask of the head."""
    rgb, mask = head[:, :3], head[:, 3:]
    part_masks = one_hot(without_features(head_parts)).to(head.dtype)
    sums = torch.einsum("bphw,bchw->bpc", part_masks, rgb)
    colours = sums / torch.einsum("bphw,bchw->bpc", part_masks, mask).clamp(min=1e-3)
    return rgb - mask * torch.einsum("bphw,bpc->bchw", part_masks, colours)


def structure_of(
    maps: Tensor, texture: Tensor, layout: Tensor, flat: Tensor, head: Tensor, background: Tensor
) -> Tensor:
    """maps [B, MAP_CHANNELS, h, w], texture [B, TEXTURE_CHANNELS, h, w], layout int64 [B, 2 h, 2 w], flat latents, head
    of `head_latents`, latents of the background -> [B, STRUCTURE_CHANNELS, h / CELL, w / CELL]. New inputs come last:
    older weights go on with them (`trainer.nano.widening`)."""
    pixels = F.pixel_unshuffle(torch.cat([maps, texture], 1), CELL)
    parts = F.pixel_unshuffle(one_hot(layout), PATCH_PX)
    return torch.cat([pixels, place_in_frame(pixels), parts, flat, head, background], 1)


@dataclass(frozen=True)
class NetworkSize:
    """widths and layers: channels and residual layers of the UNet at 4, 8 and 16 px per position; token_dim: of words
    and image branches, depth of the transformers that read photos."""

    widths: tuple[int, ...]
    layers: tuple[int, ...]
    token_dim: int
    depth: int


SIZES: Final = {
    "small": NetworkSize((32, 64, 128), (1, 1, 1), 128, 2),
    "medium": NetworkSize((64, 128, 256), (1, 1, 1), 128, 2),
    "large": NetworkSize((64, 128, 256), (2, 2, 2), 192, 2),
}
"""On two CPU cores small learns from some 30 pictures per second, medium from half as many; large needs a GPU. medium
can begin with the weights of small (`trainer.nano.widening`)."""


def build_network(
    vae: NanoAutoencoder, atlas: Atlas, height: int = 240, width: int = 160, size: NetworkSize = SIZES["small"]
) -> NanoNetwork:
    """A network with random weights for the latents of `vae`; height and width px of the picture, multiples of 16."""
    levels = len(size.widths)
    unet = UNet2DConditionModel(
        sample_size=(height // PATCH_PX, width // PATCH_PX),
        in_channels=LATENT_CHANNELS + STRUCTURE_CHANNELS,
        out_channels=LAYERS * LATENT_CHANNELS + 1,  # and the gate
        block_out_channels=size.widths,
        layers_per_block=size.layers,
        down_block_types=(*["DownBlock2D"] * (levels - 1), "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", *["UpBlock2D"] * (levels - 1)),
        cross_attention_dim=size.token_dim,
        class_embed_type="simple_projection",
        projection_class_embeddings_input_dim=(1 + len(BRANCHES)) * size.token_dim,
        attention_head_dim=size.widths[-1] // HEAD_DIM,  # diffusers takes the number of heads here
        norm_num_groups=16,
    )
    for parameter in unet.conv_out.parameters():
        nn.init.zeros_(parameter)
    heads = size.token_dim // HEAD_DIM
    references = ReferenceEncoder(cross_attention_layers(unet), size.token_dim, size.depth, heads)
    words, palette = AttributeEncoder(size.token_dim), Palette(size.token_dim)
    return NanoNetwork(unet, words, references, palette, vae, atlas)
