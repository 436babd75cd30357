"""Encodes photos once for all runs on a base: `python -m trainer precompute`. An interrupted run resumes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from engine.identity.body import person_mask
from engine.identity.faces import FaceFinder
from engine.identity.profile import View
from engine.identity.region_views import region_views
from engine.identity.regions import ImageRegion
from trainer.adapter.base import PublicBase
from trainer.adapter.buckets import PhotoCrop, area_of, bucket_sizes, crop_to_bucket, joints_in_box
from trainer.adapter.cache import FORMAT, CachedPhoto, CacheSettings, begin_cache, half, read_index, write_photo
from trainer.adapter.encoders import PhotoEncoders
from trainer.adapter.recognition import (
    SHIPPED,
    Recognition,
    embedding_at,
    embedding_of_photo,
    open_body_recognition,
)
from trainer.adapter.sources import CAPTIONS, SourcePhoto, open_source
from trainer.errors import DataError

STEP_CELLS: Final = 8
"""The step of pictures' sides in latent cells: UNets halve the sides up to three times."""


@dataclass(frozen=True)
class PrecomputeRun:
    """out: the cache. area_px: of pictures in square px (default: the base's). limit: the number of photos, for a
    trial. face_network: the name of the finder's network, "" without one. faces: a network that embeds the faces of all
    photos, in place of the data's embeddings. body_network: "shipped", or an ONNX file."""

    data: tuple[Path, ...]
    base: PublicBase
    out: Path
    area_px: int | None = None
    limit: int | None = None
    face_network: str = ""
    faces: Recognition | None = None
    body_network: str = SHIPPED


def precompute(
    run: PrecomputeRun, finder: FaceFinder | None = None, on_photo: Callable[[int, int], None] = lambda done, all: None
) -> int:
    """Encodes the photos that the cache lacks; the number of photos in the cache. finder: embeds the faces of photos
    without an embedding. on_photo(done, all) is called after each photo. Raises DataError for data, a base or a cache
    that does not fit."""
    sources = [open_source(folder) for folder in run.data]
    encoders = PhotoEncoders(run.base, torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    bodies = open_body_recognition(run.body_network)
    side = int(run.base.unet_config()["sample_size"]) * encoders.vae_factor
    settings = CacheSettings(
        format=FORMAT,
        layout=run.base.layout,
        base=run.base.digest(),
        area_px=run.area_px or area_of(run.base.layout, side),
        step_px=STEP_CELLS * encoders.vae_factor,
        sources={f"{number} {source.folder.resolve().name}": source.hash for number, source in enumerate(sources)},
        face_network=run.face_network if run.faces is None else run.faces.name,
        body_network=bodies.name,
    )
    begin_cache(run.out, settings, _shared(encoders))
    index = read_index(run.out)
    sizes = bucket_sizes(settings.area_px, settings.step_px)
    done, total = 0, sum(source.photos for source in sources)
    for source in sources:
        for photo in source.read():
            if run.limit is not None and done >= run.limit:
                return done
            if photo.key not in index:
                _encode(run.out, photo, encoders, sizes, run.faces or finder, bodies)
            done += 1
            on_photo(done, total)
    if not done:
        raise DataError(f"expected photos in {', '.join(map(str, run.data))}, found none: give another --data")
    return done


def _shared(encoders: PhotoEncoders) -> dict[str, Tensor]:
    empty, (hidden, embeds) = encoders.captions([""]), encoders.nothing()
    shared = {"text.empty": empty.states[0], "hidden.nothing": hidden[0], "embeds.nothing": embeds[0]}
    if empty.pooled is not None:
        shared["pooled.empty"] = empty.pooled[0]
    return {name: half(value) for name, value in shared.items()}


def _encode(
    out: Path,
    photo: SourcePhoto,
    encoders: PhotoEncoders,
    sizes: list[tuple[int, int]],
    faces: Recognition | FaceFinder | None,
    bodies: Recognition,
) -> None:
    view = photo.open()
    observation = view.observation
    crop = crop_to_bucket(observation.width, observation.height, observation.body_box, sizes)
    regions = region_views(view, encoders.crop_px, encoders.patch_px)
    hidden, embeds = encoders.crops([region.image for region in regions.values()])
    tensors: dict[str, Tensor] = {"embeds": half(embeds[list(regions).index(ImageRegion.WHOLE)])}
    for number, (name, region) in enumerate(regions.items()):
        tensors[f"hidden.{name}"] = half(hidden[number])
        tensors[f"nearness.{name}"] = half(torch.from_numpy(region.nearness.ravel()))
    tensors |= _picture(view, crop, encoders) | _captions(photo.captions, encoders)
    face = _face(view, faces)
    if face is not None:
        tensors["face"] = torch.from_numpy(face)
    body = embedding_of_photo(bodies, view.image, observation)
    if body is not None:
        tensors["body"] = torch.from_numpy(body)
    cached = CachedPhoto(
        key=photo.key,
        person=photo.person,
        outfit=photo.outfit,
        split=photo.split,
        size=crop.size,
        original=crop.original,
        offset=crop.offset,
        face=observation.face_box is not None,
        embedding=0 if face is None else len(face),
        body=0 if body is None else len(body),
        regions=[str(name) for name in regions],
        captions=photo.captions,
    )
    write_photo(out, cached, tensors)


def _picture(view: View, crop: PhotoCrop, encoders: PhotoEncoders) -> dict[str, Tensor]:
    width, height = crop.size
    picture = view.image.convert("RGB").resize((width, height), Image.Resampling.LANCZOS, box=crop.box)
    mean, std = encoders.latents(picture)
    cells = (width // encoders.vae_factor, height // encoders.vae_factor)
    mask = person_mask(view.observation) or Image.new("L", view.image.size, 255)
    joints = np.zeros((17, 3), np.float32)
    if view.observation.keypoints is not None:
        joints = joints_in_box(view.observation.keypoints, crop.box)
    return {
        "latents.mean": half(mean),
        "latents.std": half(std),
        "mask": torch.from_numpy(np.array(mask.resize(cells, Image.Resampling.BOX, box=crop.box))),
        "joints": torch.from_numpy(joints),
    }


def _captions(captions: dict[str, str], encoders: PhotoEncoders) -> dict[str, Tensor]:
    texts: Sequence[str] = [captions[kind] for kind in CAPTIONS]
    encoded = encoders.captions(texts)
    tensors = {f"text.{kind}": half(encoded.states[row]) for row, kind in enumerate(CAPTIONS)}
    if encoded.pooled is not None:
        tensors |= {f"pooled.{kind}": half(encoded.pooled[row]) for row, kind in enumerate(CAPTIONS)}
    return tensors


def _face(view: View, faces: Recognition | FaceFinder | None) -> NDArray[np.float32] | None:
    """The face embedding by `faces`, else the data's, else the finder's of the largest face."""
    observation = view.observation
    if isinstance(faces, Recognition):
        place = faces.places.place(observation)
        if place is None and observation.face_box is not None and observation.face_landmarks is None:
            place = faces.places.find(view.image)
        return embedding_at(faces, view.image, place)
    if observation.face_embedding is not None:
        return observation.face_embedding
    if faces is None or observation.face_box is None:
        return None
    found = faces.find(view.image)
    return found[0].embedding if found else None
