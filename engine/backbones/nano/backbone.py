"""nano as a backbone: drawings in, pictures out (see `engine.backbones.base.Backbone`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from engine.backbones.base import Capabilities, GenerationInput, Step, StepCallback
from engine.backbones.nano.attributes import BOTTOM, SHOES, TOP, Attributes
from engine.backbones.nano.flow import add_noise
from engine.backbones.nano.head import head_window, portrait_of, with_head
from engine.backbones.nano.outfit import with_outfit
from engine.backbones.nano.photo_frame import large_head_of, reference_of
from engine.backbones.nano.pipeline import NanoPipeline, load_nano
from engine.backbones.nano.prompt_reader import PromptReader
from engine.backbones.nano.references import UNDER_BOTTOM, UNDER_SHOES, UNDER_TOP, PreparedReference, prepare, shrunk
from engine.backbones.nano.request import NanoRequest
from engine.body.atlas import Region
from engine.body.texture import sources_of
from engine.contract import Clothes
from engine.errors import BadReference
from engine.identity.profile import View
from engine.pixels import to_tensor
from engine.upscale import SCALE, Upscaler, open_upscaler

REFERENCES_MAX: Final = 4
UNKNOWN_BUILD: Final = 0.5
NO_PLACE: Final[Attributes] = {"place": "studio"}
"""The place of prompts without one: a photographer's studio."""
SEX: Final = {"man": 0.0, "woman": 1.0}


class NanoBackbone:
    """Draws with a nano pipeline and enlarges what it drew."""

    def __init__(
        self,
        pipeline: NanoPipeline,
        metadata: dict[str, Any],
        reader: PromptReader,
        upscaler: Upscaler,
        device: str = "cpu",
    ) -> None:
        self.pipeline = pipeline.to(device)
        self.pipeline.network.to(device)
        self.device = device
        self._reader = reader
        self._upscaler = upscaler
        height, width = pipeline.size
        self.capabilities = Capabilities(
            name="nano",
            family="adapter",
            width=SCALE * width,
            height=SCALE * height,
            references_max=REFERENCES_MAX,
            batch_max=8,
            steps_default=int(metadata["steps"]),
            guidance_default=1.0,
            steps_range=(1, 50),
            guidance_range=(1.0, 1.0),
            pose=True,
            strength=True,
            preview_decoder="own",
            languages=("en", "ru"),
            styles="filters",
            photorealistic=False,
            licence="Apache-2.0",
            commercial_use=True,
        )

    def draw(self, drawings: Sequence[GenerationInput], on_step: StepCallback | None = None) -> list[Image.Image]:
        """RGB pictures of capabilities.width x height px, in the order of `drawings`; previews are not enlarged. Raises
        BadReference where no photo of a person shows enough of the body."""
        steps = drawings[0].settings.steps or self.capabilities.steps_default

        def report(number: int, decode: Callable[[], NDArray[np.uint8]]) -> None:
            if on_step is not None:
                on_step(Step(number, steps, lambda: [Image.fromarray(picture) for picture in decode()]))

        requests = [self.request_of(drawing) for drawing in drawings]
        pictures = self.pipeline(requests, steps, report).pictures
        return self._with_heads(
            [self._upscaler.enlarge(Image.fromarray(picture)) for picture in pictures], requests, steps
        )

    def _with_heads(self, pictures: list[Image.Image], requests: list[NanoRequest], steps: int) -> list[Image.Image]:
        """The enlarged pictures. Small heads in them are replaced by heads that are drawn again as portraits."""
        windows = {number: window for number, request in enumerate(requests) if (window := head_window(request.joints))}
        if not windows:
            return pictures
        portraits = self.pipeline([portrait_of(requests[number], window) for number, window in windows.items()], steps)
        output = list(pictures)
        for row, (number, window) in enumerate(windows.items()):
            picture = np.asarray(output[number], np.uint8)
            output[number] = Image.fromarray(
                with_head(picture, portraits.pictures[row], portraits.layouts[row], window)
            )
        return output

    @torch.inference_mode()
    def noise_errors(self, drawing: GenerationInput, photo: Image.Image, times: Sequence[float]) -> NDArray[np.float32]:
        """See `engine.backbones.base.NoisePredictor`; the photo is resized to the network's size."""
        pipeline, (height, width) = self.pipeline, self.pipeline.size
        conditioning, _ = pipeline.condition([self.request_of(drawing)])
        image = np.array(photo.convert("RGB").resize((width, height), Image.Resampling.BOX), np.uint8)
        clean = pipeline.vae.encode(to_tensor(image[None]).to(self.device)).latents
        source = np.random.default_rng(drawing.seed)
        noise = torch.from_numpy(source.standard_normal(clean.shape, np.float32)).to(self.device)
        errors = []
        for share in times:
            time = torch.tensor([1 - share], device=self.device)
            z = add_noise(clean, noise, time)
            prediction = (z - (1 - share) * pipeline.network.predict(z, time, conditioning).clean) / share
            errors.append((prediction - noise).square().mean(1)[0])
        error_map: NDArray[np.float32] = torch.stack(errors).cpu().numpy()
        return error_map

    def ignored(self, prompt: str) -> tuple[str, ...]:
        """Phrases of a prompt that name what nano cannot draw, as the user wrote them."""
        return self._reader.read(prompt).ignored

    def request_of(self, drawing: GenerationInput) -> NanoRequest:
        """A drawing in the pipeline's terms: words as attributes, photos as references, a skeleton."""
        attributes, settings = NO_PLACE | self._reader.read(drawing.prompt).attributes, drawing.settings
        build = (SEX.get(attributes.get("sex", ""), UNKNOWN_BUILD), UNKNOWN_BUILD, UNKNOWN_BUILD)
        joints = drawing.pose if settings.pose_scale > 0 else None
        if joints is None:
            joints = self.pipeline.poses.suggest(attributes, drawing.seed)
            attributes = {"framing": "full"} | attributes
        photos = self._references(drawing.identity.views, hidden_by(attributes, settings.clothes), build)
        return NanoRequest(
            attributes=with_outfit(attributes, photos, self.pipeline.atlas, drawing.seed),
            joints=joints,
            references=photos,
            seed=drawing.seed,
            face_scale=settings.face_scale,
            body_scale=settings.body_scale,
            build=build,
        )

    def _references(
        self, views: Sequence[View], hidden_regions: tuple[Region, ...], build: tuple[float, float, float]
    ) -> list[PreparedReference]:
        """The photos that show a person, with the largest visible part of the body first."""
        mapper, atlas = self.pipeline.mapper, self.pipeline.atlas
        frame = mapper, atlas, self.pipeline.size, build
        references = [
            (photo, large_head_of(view, *frame))
            for view in views[:REFERENCES_MAX]
            if (photo := reference_of(view, *frame)) is not None
        ]
        if not references:
            raise BadReference("expected a photo that shows a person from the head to the chest or further, saw none")
        references.sort(key=lambda pair: len(np.unique(pair[0].surface)), reverse=True)
        return [
            prepare(photo, sources_of(photo.surface, shrunk(photo.person), atlas), hidden_regions, atlas, head)
            for photo, head in references
        ]


def load_nano_backbone(folder: Path, device: str, state: Path | None = None) -> NanoBackbone:
    """Loads the backbone from a pipeline's folder; `state` is the folder of fetched weights, for the enlarging network.
    Raises WeightsError."""
    pipeline, metadata = load_nano(folder)
    return NanoBackbone(pipeline, metadata, PromptReader(), open_upscaler(state, device), device)


def hidden_by(attributes: Attributes, clothes: Clothes) -> tuple[Region, ...]:
    """The regions of the garments that are hidden on the photos: all where clothes are to change, else those of
    garments that the prompt names."""
    hidden_regions: set[Region] = set()
    for slots, regions in ((TOP, UNDER_TOP), (BOTTOM, UNDER_BOTTOM), (SHOES, UNDER_SHOES)):
        if clothes is Clothes.CHANGE or any(slot in attributes for slot in slots):
            hidden_regions.update(regions)
    return tuple(sorted(hidden_regions))
