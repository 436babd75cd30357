"""The architecture of nano, from random weights: sizes chosen so that two CPU cores can train it in hours."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Final

import numpy as np
import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from numpy.typing import NDArray
from PIL import Image
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from engine.adapter.attention import BRANCHES
from engine.adapter.guide import Guide
from engine.adapter.model import Adapter, AdapterConfig, cross_attention_layers
from engine.adapter.pose_prior import PosePrior
from engine.adapter.scene_prior import FRAMINGS, ScenePrior
from engine.adapter.stand_in import StandIns
from engine.backbones.autoencoder import NanoAutoencoder
from engine.backbones.collage_model import NanoModel
from engine.pixels import to_tensor
from trainer.collage.training_set import TrainingSet
from trainer.part_colours import PAINTED, part_colours
from trainer.synthetic.parts import Part

TEXT_TOKENS: Final = 48
VOCABULARY: Final = 6000
TOKEN_DIM: Final = 192
POOLED_DIM: Final = (1 + len(BRANCHES)) * TOKEN_DIM
EVERY_LAST_BYTE: Final = [chr(code) for code in (*range(33, 127), *range(0x600, 0x640))]
"""Words that end, in UTF-8, in each byte that a word can end in."""
POSES: Final = 48
"""Examples of each class of poses that are shipped."""
SCENES: Final = 6
"""Of each place in each framing."""
STAND_INS: Final = 24
"""Of either sex."""
SEEN_MIN: Final = 15
FRONTAL: Final = 0.55
"""A figure of whom so many joints are seen, and whose shoulders are at least so far apart, as a share of the torso's
length, shows its front."""


def train_tokenizer(captions: Iterable[str]) -> CLIPTokenizer:
    """CLIP's own byte-level tokenizer with a vocabulary learned from the captions, so that any user text encodes.

    Training keeps of the bytes that end a word only those it saw, and any other becomes the end of the text; so it sees
    each of them once."""
    with tempfile.TemporaryDirectory() as folder:
        letters = _byte_letters()
        tokens = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
        vocabulary = {token: index for index, token in enumerate(tokens)}
        (Path(folder) / "vocab.json").write_text(json.dumps(vocabulary), "utf-8")
        (Path(folder) / "merges.txt").write_text("#version: 0.2\n", "utf-8")
        blank = CLIPTokenizer.from_pretrained(folder)
        trained: CLIPTokenizer = blank.train_new_from_iterator(chain(EVERY_LAST_BYTE, captions), VOCABULARY)
    trained.model_max_length = TEXT_TOKENS
    return trained


def _byte_letters() -> list[str]:
    """The printable stand-ins for the 256 bytes in byte-level BPE (Radford et al., 2019)."""
    from tokenizers.pre_tokenizers import ByteLevel

    return sorted(ByteLevel.alphabet())


def tell_words_apart(text_encoder: CLIPTextModel) -> None:
    """Starts the encoder close to a plain embedding table.

    With CLIP's own initial weights what the blocks add drowns the embeddings: all prompts encode nearly alike, and so
    small a run never recovers (LOG.md). Large embeddings and small block outputs keep words apart from the first step.
    """
    for name, parameter in text_encoder.named_parameters():
        if name.endswith("token_embedding.weight"):
            nn.init.normal_(parameter, std=0.7)
        elif name.endswith("position_embedding.weight"):
            nn.init.normal_(parameter, std=0.1)
        elif name.endswith(("out_proj.weight", "fc2.weight")):
            with torch.no_grad():
                parameter.mul_(0.1)


def build(
    tokenizer: CLIPTokenizer,
    vae: NanoAutoencoder,
    width: int,
    height: int,
    prior: PosePrior | None = None,
    scenes: ScenePrior | None = None,
    stand_ins: StandIns | None = None,
) -> NanoModel:
    """A nano with random weights around a trained tokenizer and autoencoder and priors with their examples; without
    them it makes up poses and places itself.

    Few wide levels: over patches of 16 px a picture of 160 x 240 px is 10 x 15 positions, so a step costs as little as
    at half the side over patches of 8 (LOG.md)."""
    text_encoder = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=TOKEN_DIM,
            intermediate_size=4 * TOKEN_DIM,
            projection_dim=TOKEN_DIM,
            num_hidden_layers=3,
            num_attention_heads=6,
            max_position_embeddings=TEXT_TOKENS,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    tell_words_apart(text_encoder)
    patch, latent = int(vae.config.patch_px), int(vae.config.latent_channels)
    guide = Guide(latent, patch)
    unet = UNet2DConditionModel(
        sample_size=(height // patch, width // patch),
        in_channels=latent + guide.channels,
        out_channels=latent,
        block_out_channels=(128, 192),
        layers_per_block=2,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=TOKEN_DIM,
        class_embed_type="simple_projection",
        projection_class_embeddings_input_dim=POOLED_DIM,
        attention_head_dim=4,
        norm_num_groups=16,
    )
    for parameter in unet.conv_out.parameters():
        nn.init.zeros_(parameter)  # untrained, it draws the draft
    adapter = Adapter(AdapterConfig(), cross_attention_layers(unet))
    adapter.attach(unet)
    scheduler = DDIMScheduler(
        beta_schedule="squaredcos_cap_v2",
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=False,
    )
    sampling = {"sampling": {"steps": 4, "eta": 0.0, "way": 1.0}}
    return NanoModel(
        unet,
        vae,
        text_encoder,
        tokenizer,
        scheduler,
        adapter,
        guide,
        sampling,
        prior=prior,
        scenes=scenes,
        stand_ins=stand_ins,
    )


def scenes_of(people: TrainingSet, seed: int = 0) -> ScenePrior:
    """A prior whose examples are SCENES places of each kind and framing, as far as there are; it classifies by random
    weights yet."""
    rng, scenes = np.random.default_rng([seed, 53]), ScenePrior(TOKEN_DIM, people.place_names)
    framing = np.array([FRAMINGS.index(name.rsplit(", ", 1)[1]) for name in people.asked_names])[people.asked]
    for number, name in enumerate(people.place_names):
        for kind, called in enumerate(FRAMINGS):
            rows = np.nonzero((people.place == number) & (framing == kind) & ~people.styled)[0]
            if len(rows):
                chosen = rng.choice(rows, min(SCENES, len(rows)), replace=False)
                scenes.examples.setdefault(name, {})[called] = [_webp(people.places[row]) for row in chosen]
    return scenes


def stand_ins_of(people: TrainingSet, seed: int = 0) -> StandIns:
    """STAND_INS figures of either sex, as far as there are, that stand in full length and show their front, in clothes
    as different as possible; what fits whom is foretold by random weights yet."""
    rng = np.random.default_rng([seed, 59])
    standing = [number for number, name in enumerate(people.asked_names) if name == "standing, full"]
    left, right, hips = people.poses[:, 5], people.poses[:, 6], people.poses[:, 11:13].mean(1)
    aspect = people.images.shape[2] / people.images.shape[1]
    torso = np.abs(hips[:, 1] - (left[:, 1] + right[:, 1]) / 2)
    fits = np.isin(people.asked, standing) & ~people.styled & people.inside.all(1)
    fits &= (left[:, 0] - right[:, 0]) * aspect > FRONTAL * torso
    fits &= (people.poses[..., 2] > 0).sum(1) >= SEEN_MIN
    chosen: list[int] = []
    for woman in (True, False):
        rows = rng.permutation(np.nonzero(fits & (people.woman == woman))[0])
        chosen += _as_different(rows, people)
    return stand_ins_from(people, chosen)


def stand_ins_from(people: TrainingSet, chosen: Sequence[int]) -> StandIns:
    """Those of the chosen photos."""
    found = StandIns(POOLED_DIM, len(chosen))
    images, parts = to_tensor(people.images[list(chosen)]), torch.from_numpy(people.parts[list(chosen)])
    found.joints.copy_(torch.from_numpy(people.poses[list(chosen)]))
    found.joints[..., 2] = torch.from_numpy(people.inside[list(chosen)]).float()  # a coat hides knees: they are there
    found.colours.copy_(part_colours(images, parts).nan_to_num())
    found.woman.copy_(torch.from_numpy(people.woman[list(chosen)]))
    found.images = [(_webp(people.images[row]), _png(people.parts[row])) for row in chosen]
    return found


def _as_different(rows: NDArray[np.int64], people: TrainingSet) -> list[int]:
    """Up to STAND_INS of the rows, each as far as can be from those before it in the colours of top and bottom."""
    if not len(rows):
        return []
    colours = part_colours(to_tensor(people.images[rows]), torch.from_numpy(people.parts[rows])).nan_to_num()
    clothes = colours[:, [PAINTED.index(Part.TOP), PAINTED.index(Part.BOTTOM)]].flatten(1)
    chosen = [0]
    while len(chosen) < min(STAND_INS, len(rows)):
        chosen.append(int(torch.cdist(clothes, clothes[chosen]).amin(1).argmax()))
    return [int(rows[number]) for number in chosen]


def _png(parts: NDArray[np.uint8]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(parts).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def _webp(picture: NDArray[np.uint8]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "WEBP", quality=90, method=6)
    return stream.getvalue()


def prior_of(people: TrainingSet, seed: int = 0) -> PosePrior:
    """A prior whose examples are POSES plain photos of each class (repeated where there are fewer); it classifies by
    random weights yet."""
    rng, classes = np.random.default_rng([seed, 43]), len(people.asked_names)
    prior = PosePrior(TOKEN_DIM, classes, POSES)
    for number, name in enumerate(people.asked_names):
        rows = np.nonzero((people.asked == number) & ~people.styled)[0]
        if not len(rows):
            continue
        chosen = rng.choice(rows, POSES, replace=len(rows) < POSES)
        poses = people.poses[chosen].copy()
        poses[..., 2] = people.inside[chosen]
        prior.poses[number] = torch.from_numpy(poses)
        prior.known[number] = 1
        prior.full[number] = float(name.endswith(", full"))
    return prior
