"""The measuring networks, and the reason for each missing figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.errors import EngineError
from engine.identity.body import PersonParser
from engine.identity.faces import FaceFinder, open_finder
from engine.identity.parsers import open_person_parser
from engine.vision.blazepose import BlazePose
from trainer.adapter.face_networks import FACE_NETWORKS, FaceNetwork, open_face_network
from trainer.adapter.recognition import Recognition, embedding_at, open_body_recognition
from trainer.errors import DataError
from trainer.evaluation.dino import Dino
from trainer.evaluation.published import Published, load_published
from trainer.measure.plan import NetworkPlan

FIGURES: Final = {
    "clip": "clip_t, clip_i",
    "inception": "fid, kid",
    "lpips": "lpips",
    "dino": "dino, fd_dino, kd_dino",
}
"""Setting of a folder -> the figures that need it."""


@dataclass(frozen=True)
class MeasuringNetworks:
    """faces: recognition networks by name. poses: reads joints. finder, parser: read the models' input photos where the
    data has no observation. missing: figures -> the reason. used: network -> its name."""

    published: Published
    dino: Dino | None
    faces: dict[str, Recognition]
    body: Recognition
    poses: BlazePose | None
    finder: FaceFinder
    parser: PersonParser
    missing: dict[str, str] = field(default_factory=dict)
    used: dict[str, str] = field(default_factory=dict)


def open_networks(plan: NetworkPlan, state: Path, device: str = "cpu") -> MeasuringNetworks:
    """state: the folder ENGINE_STATE. Raises CheckpointError or DataError for a given network that cannot be loaded."""
    missing, used = dict[str, str](), dict[str, str]()
    for name, figures in FIGURES.items():
        folder = getattr(plan, name)
        if folder is None:
            missing[figures] = f"no folder of the network is given: --{name}"
        else:
            used[name] = str(folder)
    published = load_published(plan.clip, plan.inception, plan.lpips, device)
    parser = open_person_parser(state=state)
    faces = dict[str, Recognition]()
    for network in FACE_NETWORKS:
        found = _faces(network, plan, state)
        if isinstance(found, Recognition):
            faces[network] = found
            used[network] = found.name
        else:
            missing[f"{network}_ref, {network}_gt"] = found
    body = open_body_recognition(plan.body_network, parser)
    used["body"] = body.name
    poses: BlazePose | None = None
    try:
        poses = BlazePose(state)
        used["pose"] = "BlazePose full"
    except EngineError as error:
        missing["pck"] = str(error)
    for recognition in (*faces.values(), body):
        recognition.network.to(device)
    return MeasuringNetworks(
        published=published,
        dino=None if plan.dino is None else Dino(plan.dino, device),
        faces=faces,
        body=body,
        poses=poses,
        finder=open_finder(plan.face_root, plan.face_pack, state),
        parser=parser,
        missing=missing,
        used=used,
    )


def _faces(network: FaceNetwork, plan: NetworkPlan, state: Path) -> Recognition | str:
    """The network, or the reason for its absence; a given one must be present."""
    try:
        return open_face_network(network, plan.face_root, plan.face_pack, state)
    except DataError as error:
        if network == "arcface" and plan.face_root is not None:
            raise
        return str(error) if network == "dlib" else "no insightface models are given: --face-root (research only)"


def recognised(
    recognition: Recognition, pictures: Sequence[NDArray[np.uint8]], unit: bool
) -> list[NDArray[np.float32] | None]:
    """The embedding [D] of each picture uint8 [H, W, 3], normalised or as the network returns it; None without a
    detection."""
    images = [Image.fromarray(picture) for picture in pictures]
    return [embedding_at(recognition, image, recognition.places.find(image), unit) for image in images]
