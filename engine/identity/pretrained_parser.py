"""The person parser for real photos: joints and mask by MediaPipe's pose network. That mask is coarse: it is averaged
with MediaPipe's selfie segmentation and, for whole bodies, with U2-Net, then moved to edges of colour. Nose, eyes and
ears come from MediaPipe's face mesh where it finds the face.

The body parts come from the shipped network, which was trained on renders alone; it reads the joints and the matte with
the photo. Its parts are used only inside the matte, and the head's parts come from MediaPipe's face mesh.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.hub.packaged import named
from engine.identity.body import Body, DetectedPerson, bears_face
from engine.identity.crops import body_window, clipped
from engine.identity.crops import window as cropped
from engine.identity.faces import load_opencv
from engine.identity.head_joints import with_head_joints
from engine.identity.head_parts import with_mesh
from engine.identity.observation import Box
from engine.identity.people import overlap
from engine.identity.person_parser import ShippedParser, points_in_crop, without_islands
from engine.identity.skeleton import ANKLES, CONFIDENCE_MIN, HEAD_JOINTS, KNEES, Keypoints
from engine.vision.blazeface import POINTS
from engine.vision.blazepose import BlazePose, DetectedPose
from engine.vision.detection import Detection
from engine.vision.face_mesh import FaceMesh, Mesh
from engine.vision.grabcut import along_colours
from engine.vision.matte import Matte
from engine.vision.selfie import SelfieSegmentation
from engine.vision.square import as_rgb

PLANE_WIDTH, PLANE_HEIGHT = 192, 288
"""The size in px of the part map and the matte."""
CROP_MARGIN: Final = 0.25
"""The margin around the box on each side, as a share of its sides: an estimated box may miss a limb."""
MATTE_MARGIN: Final = 0.1
SAME_PERSON: Final = 0.1
"""Intersection over union from which a pose belongs to the requested box."""
GATE: Final = 0.03
"""The distance from the pose's mask within which the outline counts, in heights of the person."""
MASK_MIN: Final = 0.5
UNSURE: Final = (0.2, 0.8)
"""The probabilities between which the mask of a whole body is averaged with the outlines; outside, the mask counts
alone."""
HEAD_NEAR: Final = 0.6
"""The largest distance between the middle of the face and that of the head's joints, in sides of the face; beyond it
the pose is of a neighbour."""
AGREE_MIN: Final = 0.5
"""The share of the pose's mask that an outline must cover; below it the outline shows another object and does not
count."""
BUST: Final = (1.5, 0.8, 3.0)
"""The crop of a bust: to either side of the middle of the face, above and below it, in sides of the face. On a photo of
six people at a table the detector finds each in such a crop, and misses two in larger ones."""

LEFT_EYE, RIGHT_EYE = 1, 2
"""Indices of COCO joints."""
FACE_SIDE: Final = 2.6
"""The side of the box around the head's joints, in distances between the eyes."""

Plane = NDArray[np.float32]


class PretrainedParser:
    """Parses with pretrained networks on the CPU. Not thread-safe."""

    def __init__(self, state: Path, shipped: ShippedParser) -> None:
        """`state` is the folder ENGINE_STATE. Raises WeightsError where weights are absent."""
        self._poses = BlazePose(state)
        self._matte = Matte(state)
        self._selfie = SelfieSegmentation(state)
        self._meshes = FaceMesh(state)
        self._shipped = shipped
        self._last: tuple[Image.Image, list[DetectedPose]] | None = None

    @property
    def version(self) -> str:
        weights = "-".join(f"{archive.package}{archive.version}" for archive in map(named, ("mediapipe", "u2netp")))
        return f"{weights}-{self._shipped.version}"

    def detect(self, image: Image.Image, faces: Sequence[Box] = ()) -> list[DetectedPerson]:
        poses = list(self._all(image))
        for face in faces:
            borne = any(_bears(pose, face) for pose in poses)
            if not borne and (pose := self._of_face(image, face)) is not None:
                poses.append(pose)
        return [_detected(pose) for pose in poses]

    def parse(self, image: Image.Image, box: Box, face: Box | None = None) -> Body | None:
        pose = self._pose(image, box, face)
        if pose is None:
            return None
        keypoints = pose.keypoints()
        person = self._person(image, pose)
        box_of_person = _bounds(person > MASK_MIN, keypoints)
        if box_of_person is None:
            return None
        box_of_person = clipped(box_of_person, image.width, image.height)
        window = body_window(box_of_person, PLANE_WIDTH / PLANE_HEIGHT)
        matte = _resampled(person, window)
        mesh = self._mesh(image, keypoints, face)
        if mesh is not None:
            keypoints = with_head_joints(keypoints, mesh)
        parts = self._parts(image, box_of_person, keypoints, matte)
        if mesh is not None:
            crop = np.asarray(cropped(image.convert("RGB"), window, PLANE_WIDTH, PLANE_HEIGHT), np.uint8)
            parts = with_mesh(parts, crop, matte > MASK_MIN, _on_plane(mesh, window, matte.shape))
        embedding = self._shipped.embed(image, box_of_person, keypoints)
        return Body(box_of_person, keypoints, parts, window, embedding, (matte * 255).round().astype(np.uint8))

    def _pose(self, image: Image.Image, box: Box, face: Box | None) -> DetectedPose | None:
        """The pose that fits the face and the box best, among those in the crop around `box` and on the whole photo.
        Where the detector misses a person of a group, it reads the crop of the bust; where it misses the bust too, the
        pose is read in the square around the box."""
        poses = list(self._all(image))
        left, top, right, bottom = _grown(box, CROP_MARGIN, image)
        for pose in self._poses.see_all(image.crop((left, top, right, bottom))):
            poses.append(_moved(pose, left, top, image.size))
        fitting = [pose for pose in poses if _fit(pose, box) >= SAME_PERSON and _bears(pose, face)]
        if face is None:
            return max(fitting, key=lambda pose: _fit(pose, box), default=None)
        for poses_of_face in (lambda: fitting, lambda: self._by_bust(image, face), lambda: self._of_box(image, box)):
            near = [pose for pose in poses_of_face() if _head_offset(pose, face) <= HEAD_NEAR]
            if near:
                return max(near, key=lambda pose: _fit(pose, box) * pose.score)
        return max(fitting, key=lambda pose: _fit(pose, box), default=None)

    def _of_box(self, image: Image.Image, box: Box) -> Iterator[DetectedPose]:
        """The pose in the square around the box, without the detector."""
        x0, y0, x1, y1 = box
        middle = ((x0 + x1) / 2, (y0 + y1) / 2)
        points = np.array((middle, (middle[0], middle[1] - max(x1 - x0, y1 - y0) / 2)), np.float32)
        if (pose := self._poses.read(image, Detection(1.0, box, points))) is not None:
            yield pose

    def _all(self, image: Image.Image) -> list[DetectedPose]:
        """The poses on the whole photo; those of the last photo are cached, because `detect` and `parse` both need
        them."""
        if self._last is None or self._last[0] is not image:
            self._last = image, self._poses.see_all(image)
        return self._last[1]

    def _of_face(self, image: Image.Image, face: Box) -> DetectedPose | None:
        return next((pose for pose in self._by_bust(image, face) if _bears(pose, face)), None)

    def _by_bust(self, image: Image.Image, face: Box) -> Iterator[DetectedPose]:
        """Poses read on the photo at the detections in the crop around the face, then poses read on that crop alone."""
        left, top, right, bottom = _bust(face, image)
        crop = image.crop((left, top, right, bottom))
        for found in self._poses.find(crop):
            x0, y0, x1, y1 = found.box
            points = found.points + np.array((left, top), np.float32)
            moved = Detection(found.score, (x0 + left, y0 + top, x1 + left, y1 + top), points)
            if (pose := self._poses.read(image, moved)) is not None:
                yield pose
        yield from (_moved(pose, left, top, image.size) for pose in self._poses.see_all(crop))

    def _person(self, image: Image.Image, pose: DetectedPose) -> Plane:
        """float32 [H, W] in 0 to 1 over the photo: the mask of the pose averaged with outlines near it, then moved to
        edges of colour; without pieces that hold no joint."""
        mask, keypoints = pose.mask, pose.keypoints()
        bounds = _bounds(mask > MASK_MIN, np.zeros((0, 3), np.float32))
        if bounds is None:
            return mask
        whole = bool((keypoints[[*KNEES, *ANKLES], 2] >= CONFIDENCE_MIN).any())
        left, top, right, bottom = _grown(bounds, MATTE_MARGIN, image)
        crop, person = image.crop((left, top, right, bottom)), mask[top:bottom, left:right]
        near = _dilated(person > MASK_MIN, GATE * (bounds[3] - bounds[1]))
        planes = [person]
        for outline in [self._selfie.mask(crop), *([self._matte.mask(crop)] if whole else [])]:
            if float((outline[person > MASK_MIN] > MASK_MIN).mean()) >= AGREE_MIN:
                planes.append(outline * near)
        mixed = np.asarray(np.mean(planes, 0), np.float32)
        if whole:
            mixed = np.where(person > UNSURE[1], 1.0, np.where(person < UNSURE[0], 0.0, mixed)).astype(np.float32)
        outlined = mask.copy()
        outlined[top:bottom, left:right] = along_colours(as_rgb(crop), mixed)
        return _with_joints(outlined, keypoints)

    def _mesh(self, image: Image.Image, keypoints: Keypoints, face: Box | None) -> Mesh | None:
        """The mesh of the face in the box `face`, or around the head's joints; None unless both eyes are visible."""
        eyes = keypoints[[RIGHT_EYE, LEFT_EYE]]
        if (eyes[:, 2] < CONFIDENCE_MIN).any():
            return None
        if face is None:
            x, y = keypoints[list(HEAD_JOINTS), :2].mean(0)
            half = FACE_SIDE / 2 * float(np.hypot(*(eyes[0] - eyes[1])[:2]))
            face = (x - half, y - half, x + half, y + half)
        points = np.zeros((len(POINTS), 2), np.float32)
        points[POINTS.index("right_eye")], points[POINTS.index("left_eye")] = eyes[0, :2], eyes[1, :2]
        return self._meshes.see(image, Detection(1.0, face, points))

    def _parts(self, image: Image.Image, box: Box, keypoints: Keypoints, matte: Plane) -> NDArray[np.uint8]:
        """uint8 of BodyPart over the window of `matte`: the most probable part on the person, else background."""
        cv2 = load_opencv()
        likely = self._shipped.part_probabilities(image, box, keypoints, matte)[1:]
        planes = [cv2.resize(plane, matte.shape[::-1], interpolation=cv2.INTER_LINEAR) for plane in likely]
        parts: NDArray[np.uint8] = ((np.argmax(planes, 0) + 1) * (matte > MASK_MIN)).astype(np.uint8)
        window = body_window(box, PLANE_WIDTH / PLANE_HEIGHT)
        return without_islands(parts, points_in_crop(keypoints, window, (matte.shape[1], matte.shape[0])))


def _on_plane(mesh: Mesh, window: Box, shape: tuple[int, ...]) -> Mesh:
    x0, y0, x1, y1 = window
    scale = np.array([shape[1] / (x1 - x0), shape[0] / (y1 - y0), 1.0], np.float32)
    return Mesh((mesh.points - np.array([x0, y0, 0], np.float32)) * scale, mesh.score)


def _detected(pose: DetectedPose) -> DetectedPerson:
    """The box of the whole body, including joints beyond the photo; the head by the joints of the face."""
    (x0, y0), (x1, y1) = pose.landmarks[:, :2].min(0), pose.landmarks[:, :2].max(0)
    keypoints = pose.keypoints()
    x, y = keypoints[list(HEAD_JOINTS), :2].mean(0)
    return DetectedPerson((float(x0), float(y0), float(x1), float(y1)), (float(x), float(y)))


def _moved(pose: DetectedPose, left: int, top: int, size: tuple[int, int]) -> DetectedPose:
    """Converts the pose from a crop to the photo of `size` (width, height)."""
    landmarks = pose.landmarks.copy()
    landmarks[:, :2] += (left, top)
    mask = np.zeros((size[1], size[0]), np.float32)
    rows, columns = pose.mask.shape
    mask[top : top + rows, left : left + columns] = pose.mask
    return DetectedPose(landmarks, mask, pose.score)


def _fit(pose: DetectedPose, box: Box) -> float:
    bounds = _bounds(pose.mask > MASK_MIN, pose.keypoints())
    return 0.0 if bounds is None else overlap(bounds, box)


def _bears(pose: DetectedPose, face: Box | None) -> bool:
    return face is None or bears_face(pose.keypoints(), face)


def _head_offset(pose: DetectedPose, face: Box) -> float:
    """The distance from the middle of the face to that of the head's joints, in sides of the face."""
    x, y = pose.keypoints()[list(HEAD_JOINTS), :2].mean(0)
    middle = (face[0] + face[2]) / 2, (face[1] + face[3]) / 2
    return float(np.hypot(x - middle[0], y - middle[1])) / max(face[2] - face[0], face[3] - face[1])


def _bust(face: Box, image: Image.Image) -> tuple[int, int, int, int]:
    """Head and chest of an upright person with that face, px, inside the photo."""
    width, height, middle = face[2] - face[0], face[3] - face[1], (face[0] + face[2]) / 2
    sideways, above, below = (side * length for side, length in zip(BUST, (width, height, height), strict=True))
    return _grown((middle - sideways, face[1] - above, middle + sideways, face[3] + below), 0.0, image)


def _bounds(mask: NDArray[np.bool_], keypoints: Keypoints) -> Box | None:
    """The box px around the mask and the visible joints; None where the mask is empty."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return None
    visible = keypoints[keypoints[:, 2] >= CONFIDENCE_MIN, :2]
    x0, y0, x1, y1 = float(columns[0]), float(rows[0]), columns[-1] + 1.0, rows[-1] + 1.0
    if len(visible):
        (left, top), (right, bottom) = visible.min(0), visible.max(0)
        x0, y0, x1, y1 = min(x0, float(left)), min(y0, float(top)), max(x1, float(right)), max(y1, float(bottom))
    return x0, y0, x1, y1


def _grown(box: Box, margin: float, image: Image.Image) -> tuple[int, int, int, int]:
    dx, dy = (box[2] - box[0]) * margin, (box[3] - box[1]) * margin
    x0, y0, x1, y1 = clipped((box[0] - dx, box[1] - dy, box[2] + dx, box[3] + dy), image.width, image.height)
    left, top = int(x0), int(y0)
    return left, top, max(round(x1), left + 1), max(round(y1), top + 1)


def _with_joints(person: Plane, keypoints: Keypoints) -> Plane:
    """`person` without the separate pieces that hold no visible joint; the largest piece stays in any case."""
    cv2 = load_opencv()
    count, pieces, figures, _ = cv2.connectedComponentsWithStats((person > MASK_MIN).astype(np.uint8))
    if count <= 2:  # the background and one piece
        return person
    visible = keypoints[keypoints[:, 2] >= CONFIDENCE_MIN, :2].astype(int)
    columns, rows = np.minimum(visible, (person.shape[1] - 1, person.shape[0] - 1)).T
    kept = {0, 1 + int(np.argmax(figures[1:, cv2.CC_STAT_AREA])), *pieces[rows, columns].tolist()}
    return np.where(np.isin(pieces, list(kept)), person, 0).astype(np.float32)


def _dilated(mask: NDArray[np.bool_], radius_px: float) -> NDArray[np.uint8]:
    dilated: NDArray[np.uint8] = load_opencv().dilate(mask.astype(np.uint8), _disc(radius_px))
    return dilated


def _disc(radius_px: float) -> NDArray[np.uint8]:
    cv2, side = load_opencv(), 2 * max(1, round(radius_px)) + 1
    disc: NDArray[np.uint8] = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return disc


def _resampled(plane: Plane, window: Box) -> Plane:
    """The part `window` px of a plane over the photo, 0 beyond its edge: float32 [PLANE_HEIGHT, PLANE_WIDTH]."""
    cut = Image.fromarray(plane).transform(
        (PLANE_WIDTH, PLANE_HEIGHT),
        Image.Transform.AFFINE,
        (
            (window[2] - window[0]) / PLANE_WIDTH,
            0,
            window[0],
            0,
            (window[3] - window[1]) / PLANE_HEIGHT,
            window[1],
        ),
        Image.Resampling.BILINEAR,
    )
    return np.asarray(cut, np.float32).clip(0, 1)
