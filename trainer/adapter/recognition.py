"""Frozen networks that recognise faces and bodies, and their crops of a picture; gradients flow to the picture.

Faces and bodies are detected on a copy without gradients. The crop is then sampled bilinearly and read by the network.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from engine.hub.packaged import locate
from engine.identity.alignment import TEMPLATE, TEMPLATE_PX, similarity
from engine.identity.body import PersonParser
from engine.identity.body_weighting import keypoint_weights
from engine.identity.crops import body_window, head_box
from engine.identity.faces import Face, FaceFinder
from engine.identity.network import load_network
from engine.identity.observation import Box, Observation
from engine.identity.person_parser import SHIPPED_PARSER, ShippedParser, points_in_crop
from engine.identity.skeleton import Keypoints
from engine.pixels import to_tensor
from engine.vision.age import chip_points
from engine.vision.face_descriptor import CHIP_PX, FACE_MIN_PX, PADDING, WEIGHTS, DlibNetwork
from trainer.adapter.onnx_network import FrozenOnnxNetwork
from trainer.errors import DataError

IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)
IMAGENET_STD: Final = (0.229, 0.224, 0.225)
BODY_PX: Final = (256, 128)
"""Height and width that re-identification networks read where their file leaves it open."""
SHIPPED: Final = "shipped"
ARCFACE_NETWORK, DLIB = "arcface", "dlib"
"""Face recognition networks: insightface's (research only), and dlib's."""


@dataclass(frozen=True, eq=False)
class CropPlace:
    """matrix [2, 3]: px of the crop -> px of the picture. weights float32 [H, W] in 0..1: the weight of each pixel of
    the crop, None for equal weights."""

    matrix: NDArray[np.float64]
    weights: NDArray[np.float32] | None = None


class CropPlaces(Protocol):
    """Locates the crop of a picture that a network reads."""

    def place(self, observation: Observation) -> CropPlace | None:
        """The crop on a photo with an observation; None where the face or body is missing."""

    def find(self, picture: Image.Image) -> CropPlace | None:
        """The crop on a drawn picture; None where no face or body is found."""


@dataclass(frozen=True, eq=False)
class Recognition:
    """name: identifies the network; embeddings of different networks must not be compared. size: height and width px of
    its crops. network: crops [B, 3, H, W] in [-1, 1] and weights [B, 1, H, W] or None -> [B, D]."""

    name: str
    size: tuple[int, int]
    network: nn.Module
    places: CropPlaces


class FacePlaces:
    """The largest face, aligned for ArcFace; without landmarks the square around the head."""

    def __init__(self, size: tuple[int, int], finder: FaceFinder) -> None:
        self._size, self._finder = size, finder

    def place(self, observation: Observation) -> CropPlace | None:
        if observation.face_landmarks is not None:
            target = np.array(TEMPLATE, np.float32) * (self._size[0] / TEMPLATE_PX)
            return CropPlace(aligning_matrix(observation.face_landmarks, target))
        return (
            None if observation.face_box is None else CropPlace(box_matrix(head_box(observation.face_box), self._size))
        )

    def find(self, picture: Image.Image) -> CropPlace | None:
        found = self._finder.find(picture)
        if not found:
            return None
        return self.place(Observation(picture.width, picture.height, found[0].box, found[0].landmarks))


class ChipPlaces:
    """The largest face as dlib aligns it, by eyes and nose; None where it is too small for recognition."""

    def __init__(self, finder: FaceFinder) -> None:
        self._finder = finder

    def place(self, observation: Observation) -> CropPlace | None:
        if observation.face_box is None or observation.face_landmarks is None:
            return None
        if Face(observation.face_box).side_px < FACE_MIN_PX:
            return None
        target = chip_points(CHIP_PX, PADDING)
        return CropPlace(aligning_matrix(observation.face_landmarks[: len(target)], target))

    def find(self, picture: Image.Image) -> CropPlace | None:
        found = self._finder.find(picture)
        if not found:
            return None
        return self.place(Observation(picture.width, picture.height, found[0].box, found[0].landmarks))


class BodyPlaces:
    """The body with a margin and weights around its joints, as the shipped person parser finds it."""

    def __init__(self, size: tuple[int, int], parser: PersonParser | None = None) -> None:
        self._size = size
        self._parser = parser or ShippedParser()

    def place(self, observation: Observation) -> CropPlace | None:
        if observation.body_box is None or observation.keypoints is None:
            return None
        return self._place(observation.body_box, observation.keypoints)

    def find(self, picture: Image.Image) -> CropPlace | None:
        body = self._parser.parse(picture, (0.0, 0.0, float(picture.width), float(picture.height)))
        return None if body is None else self._place(body.box, body.keypoints)

    def _place(self, box: Box, keypoints: Keypoints) -> CropPlace:
        height, width = self._size
        window = body_window(box, width / height)
        weights = keypoint_weights(points_in_crop(keypoints, window, (width, height)), width, height)
        return CropPlace(box_matrix(window, self._size), weights)


class ArcFaceNetwork(nn.Module):
    """ArcFace (Deng et al., 2019) from an insightface pack: research only."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._network = FrozenOnnxNetwork(path)

    def forward(self, crops: Tensor, weights: Tensor | None) -> Tensor:
        pixels = (crops + 1) * 127.5 if self._network.normalises else crops
        embedded: Tensor = self._network(pixels)
        return embedded


class DlibFaceNetwork(nn.Module):
    """dlib's ResNet (CC0), which may be used commercially."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._network = DlibNetwork(path)

    def forward(self, crops: Tensor, weights: Tensor | None) -> Tensor:
        embedded: Tensor = self._network((crops + 1) * 127.5)
        return embedded


class ShippedBodyNetwork(nn.Module):
    """The shipped person parser's body embedding, trained on rendered people."""

    def __init__(self) -> None:
        super().__init__()
        self.parser, self.metadata = load_network(SHIPPED_PARSER)
        self.requires_grad_(False)

    def forward(self, crops: Tensor, weights: Tensor | None) -> Tensor:
        assert weights is not None
        return self.parser.embed(crops, weights)


class OnnxBodyNetwork(nn.Module):
    """A re-identification network (OSNet, BoT and similar), which reads pixels normalised as ImageNet's."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._network = FrozenOnnxNetwork(path)
        self.size = (self._network.size[0] or BODY_PX[0], self._network.size[1] or BODY_PX[1])
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1))

    def forward(self, crops: Tensor, weights: Tensor | None) -> Tensor:
        pixels = ((crops + 1) / 2 - self.get_buffer("mean")) / self.get_buffer("std")
        embedded: Tensor = self._network(pixels)
        return embedded


def open_face_recognition(pack: Path, finder: FaceFinder) -> Recognition:
    """pack: a folder of insightface's ONNX files. Raises DataError where none of them embeds faces."""
    path, size = recognition_file(pack), (TEMPLATE_PX, TEMPLATE_PX)
    return Recognition(_named(ARCFACE_NETWORK, path), size, ArcFaceNetwork(path), FacePlaces(size, finder))


def open_dlib_recognition(state: Path, finder: FaceFinder) -> Recognition:
    """state: the folder ENGINE_STATE; finder: one with landmarks. Raises WeightsError where the weights are absent."""
    path = locate("same_person", WEIGHTS, state)
    return Recognition(_named(DLIB, path), (CHIP_PX, CHIP_PX), DlibFaceNetwork(path), ChipPlaces(finder))


def open_body_recognition(name: str, parser: PersonParser | None = None) -> Recognition:
    """name: "shipped", or an ONNX file. parser: finds bodies on drawn pictures. Raises DataError."""
    if name == SHIPPED:
        shipped = ShippedBodyNetwork()
        size = (shipped.parser.config.height, shipped.parser.config.width)
        return Recognition(f"{SHIPPED}-{shipped.metadata.get('step', 0)}", size, shipped, BodyPlaces(size, parser))
    path = Path(name).expanduser()
    network = OnnxBodyNetwork(path)
    return Recognition(_named("body", path), network.size, network, BodyPlaces(network.size, parser))


@torch.no_grad()
def embedding_dim(recognition: Recognition) -> int:
    """The length of its embeddings."""
    height, width = recognition.size
    found: Tensor = recognition.network(torch.zeros(1, 3, height, width), torch.ones(1, 1, height, width))
    return found.shape[1]


def face_network_name(root: Path, pack: str) -> str:
    """The name of the network in an insightface root. Raises DataError where there is none."""
    return _named(ARCFACE_NETWORK, recognition_file(root.expanduser() / "models" / pack))


def recognition_file(pack: Path) -> Path:
    """The network of an insightface pack that embeds faces. Raises DataError where there is none."""
    import onnx

    for path in sorted(pack.glob("*.onnx")):
        graph = onnx.load(str(path), load_external_data=False).graph
        sides = [axis.dim_value for axis in graph.input[0].type.tensor_type.shape.dim[2:]]
        if sides == [TEMPLATE_PX, TEMPLATE_PX] and len(graph.output) == 1:
            return path
    raise DataError(f"expected a network that reads faces of {TEMPLATE_PX} px in {pack}, found none: give another pack")


def embedding_of_photo(
    recognition: Recognition, image: Image.Image, observation: Observation
) -> NDArray[np.float32] | None:
    """Unit vector [D] of the person on a photo; None where the face or body is missing."""
    return embedding_at(recognition, image, recognition.places.place(observation))


@torch.no_grad()
def embedding_at(
    recognition: Recognition, image: Image.Image, place: CropPlace | None, unit: bool = True
) -> NDArray[np.float32] | None:
    """The embedding [D] at a place of a picture, normalised or as the network returns it; None without a place."""
    if place is None:
        return None
    device = next(chain(recognition.network.parameters(), recognition.network.buffers())).device
    picture = to_tensor(np.array(image.convert("RGB"), np.uint8)[None]).to(device)
    found: NDArray[np.float32] = embeddings(recognition, picture, [place], unit)[0].cpu().numpy()
    return found


def embeddings(recognition: Recognition, pictures: Tensor, places: Sequence[CropPlace], unit: bool = True) -> Tensor:
    """pictures [B, 3, H, W] in [-1, 1] and a place on each -> embeddings [B, D], normalised or as the network returns
    them."""
    crops = torch.cat(
        [cut(pictures[row : row + 1], place.matrix, recognition.size) for row, place in enumerate(places)]
    )
    masks = [place.weights for place in places if place.weights is not None]
    weights = torch.from_numpy(np.stack(masks))[:, None].to(pictures.device) if len(masks) == len(places) else None
    found: Tensor = recognition.network(crops, weights)
    return F.normalize(found, dim=-1) if unit else found


def cut(picture: Tensor, matrix: NDArray[np.float64], size: tuple[int, int]) -> Tensor:
    """picture [1, 3, H, W] -> its crop by `matrix` [1, 3, *size], with the edge repeated outside the picture. A picture
    that is larger than the crop is averaged down first, so that every pixel counts."""
    step = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    factor = max(int(step), 1)
    if factor > 1:
        picture = F.avg_pool2d(picture, factor, ceil_mode=True, count_include_pad=False)
    height, width = picture.shape[2:]
    rows, columns = torch.meshgrid(torch.arange(size[0]) + 0.5, torch.arange(size[1]) + 0.5, indexing="ij")
    points = torch.stack([columns, rows, torch.ones_like(rows)], -1).double() @ torch.from_numpy(matrix.T.copy())
    grid = points / factor / torch.tensor([width, height]).double() * 2 - 1
    return F.grid_sample(picture, grid[None].to(picture), mode="bilinear", padding_mode="border", align_corners=False)


def box_matrix(box: Box, size: tuple[int, int]) -> NDArray[np.float64]:
    """The matrix of the crop that shows a whole box."""
    x0, y0, x1, y1 = box
    return np.array([[(x1 - x0) / size[1], 0, x0], [0, (y1 - y0) / size[0], y0]])


def aligning_matrix(landmarks: NDArray[np.float32], target: NDArray[np.float32]) -> NDArray[np.float64]:
    """The matrix of the crop in which landmarks [N, 2] px of the picture lie at `target` [N, 2] px."""
    to_crop = np.vstack([similarity(landmarks, target), (0, 0, 1)])
    to_photo = np.linalg.inv(to_crop)[:2]
    to_photo[:, 2] += 0.5 - to_photo[:, :2].sum(1) / 2  # landmarks count from the middle of the first pixel
    return to_photo


def _named(kind: str, path: Path) -> str:
    try:
        return f"{kind}-{hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"
    except OSError as error:
        raise DataError(f"expected a recognition network at {path}, got {error}: give another file") from error
