"""Face finders: insightface where its model pack is on disk, else CenterFace, else OpenCV's cascades.

The box convention is insightface's (SCRFD): brow to chin, ear to ear; cascade boxes are converted to it, so that crops
around a face are the same for every finder.
"""

from __future__ import annotations

import importlib
import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.errors import SetupError, WeightsError
from engine.identity.observation import Box

log = logging.getLogger(__name__)

DEFAULT_ROOT = Path("~/.insightface")
DEFAULT_PACK = "buffalo_l"
LIBGL_REMEDY = (
    "run `apt-get install libgl1 libglib2.0-0`, "
    'or `pip uninstall -y opencv-python && pip install "opencv-python-headless<5"`'
)
ASPECT_MAX = 50
"""The limit of longer over shorter side: insightface scales the longer side to 128 px and fails where the shorter one
becomes 0 px."""
CASCADE_SIDE_PX = 640
"""The cascades read a copy whose longest side is this, so that a face of a full-length photo is large enough."""
CASCADE_ENLARGES_AT_MOST = 5.0
CASCADE_FACE_MIN_PX = 24
FRONTAL_HITS_MIN = 4
PROFILE_HITS_MIN = 8
"""The least number of neighbouring hits: a face has many, hands and folds have fewer."""
PROFILE_BESIDE_FRONTAL_MIN = 0.6
CASCADE_SCORE = 0.5
"""The score of every face that the cascades find: they often take folds and prints for faces."""
_FRONTAL_TO_FACE = (0.85, 1.14)
_PROFILE_TO_FACE = (0.65, 0.88)
"""Width and height of insightface's box relative to a cascade's, medians over the same real faces."""

Gray = NDArray[np.uint8]
_Hit = tuple[Box, int]


@dataclass(frozen=True, eq=False)
class Face:
    """One face on a photo. Landmarks and embedding as in Observation, where the finder has them."""

    box: Box
    landmarks: NDArray[np.float32] | None = None
    embedding: NDArray[np.float32] | None = None
    score: float = 1.0

    @property
    def side_px(self) -> float:
        """The side of a square of the same area."""
        x0, y0, x1, y1 = self.box
        return float(np.sqrt(max(x1 - x0, 0.0) * max(y1 - y0, 0.0)))


class FaceFinder(Protocol):
    """Finds faces on an RGB photo, the largest first."""

    @property
    def name(self) -> str: ...

    def find(self, image: Image.Image) -> list[Face]: ...


class InsightFaceFinder:
    """Boxes, five landmarks and, where the pack has a recognition model, unit embeddings.

    `folder` holds the pack's *.onnx files; nothing is ever downloaded."""

    name = "insightface"

    def __init__(self, folder: Path) -> None:
        load_opencv()
        from insightface.app import FaceAnalysis

        try:
            # insightface downloads no pack whose name is the path of a folder
            self._analysis = FaceAnalysis(
                name=str(folder.resolve()),
                allowed_modules=["detection", "recognition"],
                providers=["CPUExecutionProvider"],
                sess_options=_quiet_threads(),
            )
            self._analysis.prepare(ctx_id=-1)
        except Exception as error:  # onnxruntime's and insightface's own errors share no base
            reason = str(error).splitlines()[0] if str(error) else "no detection model"
            raise SetupError(
                f"expected an insightface model pack in {folder}, could not load it ({reason}): "
                "put the pack's *.onnx files there, or unset ENGINE_FACE_ROOT"
            ) from error

    def find(self, image: Image.Image) -> list[Face]:
        if max(image.size) > ASPECT_MAX * min(image.size):
            return []
        bgr = np.ascontiguousarray(np.asarray(image.convert("RGB"))[:, :, ::-1])
        with warnings.catch_warnings():
            # insightface 2.1 aligns faces with a call that scikit-image 0.26 has marked as deprecated
            warnings.filterwarnings("ignore", message="`estimate` is deprecated", category=FutureWarning)
            found = self._analysis.get(bgr)
        return sorted(map(_face, found), key=lambda face: face.side_px, reverse=True)


class CascadeFinder:
    """OpenCV's frontal and profile Haar cascades: boxes only; misses tilted, covered and very small faces."""

    name = "cascades"

    def __init__(self) -> None:
        cv2 = load_opencv()
        folder = Path(cv2.data.haarcascades)
        self._frontal = cv2.CascadeClassifier(str(folder / "haarcascade_frontalface_alt2.xml"))
        self._profile = cv2.CascadeClassifier(str(folder / "haarcascade_profileface.xml"))
        if self._frontal.empty() or self._profile.empty():
            raise SetupError(f'expected OpenCV\'s cascades in {folder}, got none: run `pip install "opencv-python<5"`')

    def find(self, image: Image.Image) -> list[Face]:
        scale = min(CASCADE_SIDE_PX / max(image.size), CASCADE_ENLARGES_AT_MOST)
        size = (max(round(image.width * scale), 1), max(round(image.height * scale), 1))
        method = Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC
        gray: Gray = np.asarray(image.convert("L").resize(size, method))
        if min(gray.shape) < CASCADE_FACE_MIN_PX:
            return []
        frontal = self._detect(self._frontal, gray, CASCADE_FACE_MIN_PX, FRONTAL_HITS_MIN)
        # Beside a frontal face only large profiles matter, and the search for these is quick.
        smallest = max([CASCADE_FACE_MIN_PX, *(PROFILE_BESIDE_FRONTAL_MIN * (box[2] - box[0]) for box, _ in frontal)])
        candidates = [_rescaled(box, _FRONTAL_TO_FACE, scale) for box, _ in _surest_first(frontal)]
        candidates += [_rescaled(box, _PROFILE_TO_FACE, scale) for box, _ in self._profiles(gray, round(smallest))]
        boxes: list[Box] = []
        for box in candidates:
            if not any(_same_face(box, other) for other in boxes):
                boxes.append(box)
        return sorted((Face(box, score=CASCADE_SCORE) for box in boxes), key=lambda face: face.side_px, reverse=True)

    def _profiles(self, gray: Gray, smallest_px: int) -> list[_Hit]:
        """Profiles of both sides (the cascade detects only one, so the picture is also mirrored), by falling score."""
        width = gray.shape[1]
        mirrored = np.ascontiguousarray(gray[:, ::-1])
        found = self._detect(self._profile, gray, smallest_px, PROFILE_HITS_MIN)
        for (x0, y0, x1, y1), hits in self._detect(self._profile, mirrored, smallest_px, PROFILE_HITS_MIN):
            found.append(((width - x1, y0, width - x0, y1), hits))
        return _surest_first(found)

    @staticmethod
    def _detect(cascade: Any, gray: Gray, smallest_px: int, hits_min: int) -> list[_Hit]:
        smallest = (smallest_px, smallest_px)
        found, hits = cascade.detectMultiScale2(gray, 1.1, hits_min, minSize=smallest)
        return [
            ((float(x), float(y), float(x + width), float(y + height)), int(count))
            for (x, y, width, height), count in zip(found, hits, strict=True)
        ]


def open_finder(root: Path | None = None, pack: str = DEFAULT_PACK, state: Path | None = None) -> FaceFinder:
    """insightface with the pack at <root>/models/<pack>, else CenterFace where its weights are below `state`
    (ENGINE_STATE), else the cascades, with one log line.

    Raises SetupError when `root` is given and has no such pack, and when OpenCV cannot be loaded."""
    folder = (root or DEFAULT_ROOT).expanduser() / "models" / pack
    if any(folder.glob("*.onnx")):
        return InsightFaceFinder(folder)
    if root is not None:
        raise SetupError(
            f"expected the insightface pack {pack!r} as {folder}/*.onnx, found none: "
            "put it there, or unset ENGINE_FACE_ROOT to do without"
        )
    if state is not None:
        from engine.vision.centerface import CenterFace

        try:
            return CenterFace(state)
        except WeightsError as error:
            log.warning("faces are found by OpenCV's cascades, which miss many: %s", error)
    return CascadeFinder()


def load_opencv(load: Callable[[str], Any] = importlib.import_module) -> Any:
    """The cv2 module; SetupError with the remedy where it, a system library or its cascades are missing."""
    try:
        cv2 = load("cv2")
    except ImportError as error:
        remedy = LIBGL_REMEDY if ".so" in str(error) else 'run `pip install "opencv-python<5"`'
        raise SetupError(f"expected OpenCV to load, got {error}: {remedy}") from error
    if not hasattr(cv2, "CascadeClassifier"):
        raise SetupError(
            f'expected OpenCV 4 with its cascades, got {cv2.__version__}: run `pip install "opencv-python<5"`'
        )
    return cv2


def _quiet_threads() -> Any:
    """onnxruntime's threads sleep between calls instead of spinning: the same cores draw the pictures."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _face(found: Any) -> Face:
    x0, y0, x1, y1 = (float(side) for side in found.bbox)
    embedding = found.normed_embedding
    return Face(
        box=(x0, y0, x1, y1),
        landmarks=None if found.kps is None else np.asarray(found.kps, np.float32),
        embedding=None if embedding is None else np.asarray(embedding, np.float32),
    )


def _rescaled(box: Box, factors: tuple[float, float], scale: float) -> Box:
    """`box` of the scaled copy in px of the photo, its sides multiplied by `factors` around its centre."""
    x0, y0, x1, y1 = box
    centre_x, centre_y = (x0 + x1) / 2, (y0 + y1) / 2
    half_width, half_height = (x1 - x0) / 2 * factors[0], (y1 - y0) / 2 * factors[1]
    return (
        (centre_x - half_width) / scale,
        (centre_y - half_height) / scale,
        (centre_x + half_width) / scale,
        (centre_y + half_height) / scale,
    )


def _surest_first(found: list[_Hit]) -> list[_Hit]:
    return sorted(found, key=lambda hit: hit[1], reverse=True)


def _same_face(box: Box, other: Box) -> bool:
    """Whether the centre of one lies inside the other."""
    return _centre_inside(box, other) or _centre_inside(other, box)


def _centre_inside(box: Box, other: Box) -> bool:
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return other[0] <= x <= other[2] and other[1] <= y <= other[3]
