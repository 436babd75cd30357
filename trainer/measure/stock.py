"""Adapters that diffusers' own pipelines draw, as a backbone: IP-Adapter with one embedding, and InstantID.

InstantID (Wang et al., 2024) is an adapter in the layout of IP-Adapter Plus, whose resampler reads a face's embedding,
and IdentityNet, a ControlNet on points of the face whose attention reads the same tokens in place of words. Its authors
publish a pipeline of their own for that; a hook that exchanges the states makes the stock pipeline do the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import torch
from diffusers import (
    StableDiffusionControlNetPipeline,
    StableDiffusionPipeline,
    StableDiffusionXLControlNetPipeline,
    StableDiffusionXLPipeline,
)
from diffusers.models.embeddings import ImageProjection
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from engine.adapter.ip_adapter_file import AdapterFile, check_adapter, read_adapter
from engine.backbones.base import Capabilities, GenerationInput, StepCallback
from engine.backbones.checkpoints import load_components, load_controlnet
from engine.backbones.loading import MODELS, picture_sizes
from engine.backbones.long_prompts import encode_prompts
from engine.backbones.options import Placement
from engine.errors import BadReference
from engine.identity.alignment import similarity
from engine.identity.profile import View
from engine.identity.region_views import region_views
from engine.identity.regions import ImageRegion
from engine.identity.skeleton import Keypoints
from trainer.adapter.base import FAMILIES, PublicBase
from trainer.adapter.buckets import crop_to_bucket, joints_in_box
from trainer.adapter.control import skeleton_of
from trainer.adapter.recognition import Recognition, embedding_at
from trainer.errors import DataError

Points = Literal["published", "head"]
PIPELINES: Final = {
    ("sd15", False): StableDiffusionPipeline,
    ("sd15", True): StableDiffusionControlNetPipeline,
    ("sdxl", False): StableDiffusionXLPipeline,
    ("sdxl", True): StableDiffusionXLControlNetPipeline,
}
SCALE: Final = 0.8
"""Scales of the adapter and of IdentityNet, as in InstantID's demo; a request's face scale multiplies both."""
STEPS: Final = 30
NOSE, LEFT_EYE, RIGHT_EYE = 0, 1, 2
"""Indices of COCO's joints; left and right are the person's."""
COLOURS: Final = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (255, 0, 255))
"""Colours of eyes, nose and corners of the mouth, in insightface's order."""
NOSE_POINT: Final = 2
POINT_PX: Final = 10
STICK_PX: Final = 8
STICK_BRIGHTNESS: Final = 0.6


@dataclass(frozen=True)
class StockPlan:
    """adapter: a file. controlnet: IdentityNet's folder, None for an adapter that reads CLIP's embedding. points: those
    that IdentityNet was trained on: InstantID's five, or the head's of the 17 joints (`trainer adapter`). faces: the
    network whose unnormalised embeddings the adapter reads; None: the normalised ones of the photos."""

    base: PublicBase
    adapter: Path
    controlnet: Path | None = None
    points: Points = "published"
    faces: Recognition | None = None


class StockBackbone:
    """See `engine.backbones.base.Backbone`. One picture at a time."""

    def __init__(self, plan: StockPlan, device: str) -> None:
        """Raises DataError where a part cannot be loaded."""
        self.device = device
        self._points, self._faces = plan.points, plan.faces
        dtype = torch.float16 if device.startswith("cuda") else torch.float32
        try:
            self._pipeline = _pipeline(plan, dtype)
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise DataError(f"expected {plan.adapter} to load on {plan.base.folder}, got {reason}") from error
        self._pipeline.to(device).set_progress_bar_config(disable=True)
        self._projection = self._pipeline.unet.encoder_hid_proj.image_projection_layers[0]
        self._reads_picture = isinstance(self._projection, ImageProjection)
        self._vision = plan.base.vision_encoder(dtype).to(device) if self._reads_picture else None
        self._tokens: Tensor | None = None
        if plan.controlnet is not None:
            self._pipeline.controlnet.register_forward_pre_hook(self._reads_tokens, with_kwargs=True)
        family = FAMILIES[plan.base.layout]
        self._sizes = picture_sizes(family, self._pipeline)
        width, height = next(iter(self._sizes.values()))
        self.capabilities = Capabilities(
            name="instantid" if plan.controlnet else "ip_adapter",
            family="adapter",
            width=width,
            height=height,
            references_max=4,
            batch_max=1,
            steps_default=STEPS,
            steps_range=(1, 100),
            guidance_default=family.guidance,
            guidance_range=(1.0, 15.0),
            pose=False,
            strength=True,
            styles="words",
            preview_decoder="",
            languages=("en",),
            photorealistic=True,
            licence=family.licence,
            commercial_use=False,
            negative_prompt="guided",
            aspects=tuple(self._sizes),
        )

    @torch.inference_mode()
    def draw(self, drawings: Sequence[GenerationInput], on_step: StepCallback | None = None) -> list[Image.Image]:
        """Raises BadReference where no photo has the embedding of a face that the adapter reads."""
        return [self._draw(drawing) for drawing in drawings]

    def _draw(self, drawing: GenerationInput) -> Image.Image:
        settings, pipeline = drawing.settings, self._pipeline
        width, height = next(iter(self._sizes.values())) if settings.aspect is None else self._sizes[settings.aspect]
        guidance = self.capabilities.guidance(settings.guidance)
        faces = self._embeds(drawing.identity.views)
        embeds = torch.cat([torch.zeros_like(faces), faces]) if guidance > 1 else faces
        encoded = encode_prompts(pipeline, [drawing.negative_prompt, drawing.prompt], self.device)
        states, pooled = encoded.states.to(pipeline.unet.dtype), encoded.pooled
        if not drawing.negative_prompt and getattr(pipeline.config, "force_zeros_for_empty_prompt", False):
            has_text = torch.tensor([0, 1], device=states.device)
            states = states * has_text[:, None, None]
            pooled = None if pooled is None else pooled * has_text[:, None]
        words = {"negative_prompt_embeds": states[:1], "prompt_embeds": states[1:]}
        if pooled is not None:
            pooled = pooled.to(pipeline.unet.dtype)
            words |= {"negative_pooled_prompt_embeds": pooled[:1], "pooled_prompt_embeds": pooled[1:]}
        scale = SCALE * (settings.body_scale if self._reads_picture else settings.face_scale)
        pipeline.set_ip_adapter_scale(scale)
        control: dict[str, Any] = {}
        if hasattr(pipeline, "controlnet"):
            self._tokens = pipeline.unet.encoder_hid_proj([embeds])[0].flatten(1, 2)
            points = self._input_picture(drawing, (width, height))
            control = {"image": points, "controlnet_conditioning_scale": scale if points.getbbox() else 0.0}
        drawn = pipeline(
            **words, **control, ip_adapter_image_embeds=[embeds], width=width, height=height,
            num_inference_steps=self.capabilities.steps(settings.steps), guidance_scale=guidance,
            generator=torch.Generator().manual_seed(drawing.seed),
        )  # fmt: skip
        picture: Image.Image = drawn.images[0]
        return picture

    def _embeds(self, views: Sequence[View]) -> Tensor:
        """[1, n, ...] of n photos, as the projection reads them."""
        if self._vision is not None:
            side, patch = int(self._vision.config.image_size), int(self._vision.config.patch_size)
            process: Any = CLIPImageProcessorPil(
                size={"shortest_edge": side}, crop_size={"height": side, "width": side}
            )
            whole = [region_views(view, side, patch)[ImageRegion.WHOLE].image for view in views]
            pixels = process(whole, return_tensors="pt").pixel_values.to(self.device, self._vision.dtype)
            embeds: Tensor = self._vision(pixels).image_embeds[None]
            return embeds
        length = self._projection.proj_in.in_features
        faces = [self._face(view) for view in views]
        vectors = [torch.from_numpy(face) for face in faces if face is not None and len(face) == length]
        if not vectors:
            raise BadReference(f"expected a photo with a face's embedding of {length} numbers, got none")
        return torch.stack(vectors)[None, :, None].to(self.device, self._pipeline.unet.dtype)

    def _face(self, view: View) -> NDArray[np.float32] | None:
        observation = view.observation
        if self._faces is None or observation.face_box is None:
            return observation.face_embedding if self._faces is None else None
        places = self._faces.places
        place = places.find(view.image) if observation.face_landmarks is None else places.place(observation)
        return embedding_at(self._faces, view.image, place, unit=False)

    def _input_picture(self, drawing: GenerationInput, size: tuple[int, int]) -> Image.Image:
        """IdentityNet's points in a picture of width x height px, those of the pose, else of the first photo."""
        observation = drawing.identity.views[0].observation
        box = crop_to_bucket(observation.width, observation.height, observation.body_box, [size]).box
        joints = drawing.pose
        if joints is None and observation.keypoints is not None:
            joints = joints_in_box(observation.keypoints, box)
        if self._points == "head":
            drawn = skeleton_of(np.zeros((17, 3), np.float32) if joints is None else joints, size, "head")
            return Image.fromarray((drawn * 255).byte().permute(1, 2, 0).numpy())
        corner, scale = np.array(box[:2]), np.array(size) / (box[2] - box[0], box[3] - box[1])
        landmarks = (
            None
            if observation.face_landmarks is None
            else ((observation.face_landmarks - corner) * scale).astype(np.float32)
        )
        return draw_face_points(landmarks if drawing.pose is None else moved(landmarks, drawing.pose, size), size)

    def _reads_tokens(self, module: Any, given: Any, named: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        assert self._tokens is not None
        return given, {**named, "encoder_hidden_states": self._tokens.to(named["encoder_hidden_states"].dtype)}


def moved(landmarks: NDArray[np.float32] | None, pose: Keypoints, size: tuple[int, int]) -> NDArray[np.float32] | None:
    """Five landmarks px estimated from the eyes and nose of a pose, in 0..1 of a picture of width x height px; None
    where these are invisible."""
    joints = pose[[RIGHT_EYE, LEFT_EYE, NOSE]]  # insightface counts eyes from the left of the picture
    if landmarks is None or not (joints[:, 2] > 0).all():
        return None
    matrix = similarity(landmarks[:3], (joints[:, :2] * size).astype(np.float32))
    return np.asarray(landmarks @ matrix[:, :2].T + matrix[:, 2], np.float32)


def draw_face_points(landmarks: NDArray[np.float32] | None, size: tuple[int, int]) -> Image.Image:
    """Eyes, nose and corners of the mouth as InstantID draws them; a black picture without landmarks."""
    picture = Image.new("RGB", size)
    if landmarks is None:
        return picture
    pen, points = ImageDraw.Draw(picture), [(float(x), float(y)) for x, y in landmarks]
    for number, point in enumerate(points):
        if number != NOSE_POINT:
            faint = tuple(int(STICK_BRIGHTNESS * value) for value in COLOURS[number])
            pen.line([point, points[NOSE_POINT]], fill=faint, width=STICK_PX)
    for (x, y), colour in zip(points, COLOURS, strict=True):
        pen.ellipse((x - POINT_PX, y - POINT_PX, x + POINT_PX, y + POINT_PX), fill=colour)
    return picture


def _pipeline(plan: StockPlan, dtype: torch.dtype) -> Any:
    layout, folder = plan.base.layout, plan.base.folder
    halves = (folder / "unet" / "diffusion_pytorch_model.fp16.safetensors").is_file()
    settings: dict[str, Any] = {"dtype": dtype, "variant": "fp16" if halves else None}
    parts: dict[str, Any] = {"image_encoder": None, "feature_extractor": None}
    if layout == "sd15":
        parts |= {"safety_checker": None, "requires_safety_checker": False}
    if plan.controlnet is not None:
        parts["controlnet"] = load_controlnet(Placement(str(plan.controlnet)), dtype=dtype)
    models = load_components(Placement(str(folder)), MODELS, **settings)
    kind = PIPELINES[layout, plan.controlnet is not None]
    pipeline = kind.from_pretrained(folder, local_files_only=True, **models, **parts, **settings)
    state = read_adapter(AdapterFile(str(plan.adapter.parent), "", plan.adapter.name))
    check_adapter(state, pipeline.unet, plan.adapter.name)
    pipeline.load_ip_adapter(state, subfolder="", weight_name=plan.adapter.name, image_encoder_folder=None)
    return pipeline
