"""From an identity and shots to photos: pose, camera, ray casting, joints, boxes."""

from dataclasses import dataclass, replace
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
import warp as wp

from trainer.synthetic.backgrounds import atmosphere, paint
from trainer.synthetic.body import Floats, template
from trainer.synthetic.body_map import BodyMap, bare_body_of, body_map
from trainer.synthetic.camera import Camera, camera_of
from trainer.synthetic.captions import Captions, caption
from trainer.synthetic.figure import Figure, dress, vertex_normals
from trainer.synthetic.identity import Identity, sample_identity
from trainer.synthetic.landmarks import face_box, head_box, joints, keypoints, mask_box
from trainer.synthetic.look import look_of
from trainer.synthetic.parts import Part
from trainer.synthetic.pose import bone_transforms
from trainer.synthetic.raycast import Scene, cast_image, cast_points, mark_opaque
from trainer.synthetic.seat import with_seat
from trainer.synthetic.shot import Shot, sample_shot
from trainer.synthetic.stance import STANCES

BLUR: Final = {"full": 0.004, "waist": 0.012, "portrait": 0.022}
RAYS: Final = 4
"""Rays a pixel, as in `raycast.cast_image`."""


@dataclass(frozen=True)
class Photo:
    """A rendered photo with its ground truth.

    image uint8 [H, W, 3]; place uint8 [H, W, 3], the same without the person and the shadow;
    parts uint8 [H, W] of Part; alpha uint8 [H, W], the person's share of the pixel;
    depth float16 [H, W], metres along the camera's axis, infinite off the person;
    keypoints float32 [17, 3] as x px, y px, visible 0/1; keypoint_depth float32 [17], metres like depth;
    boxes float32 [4] as x0, y0, x1, y1 px, NaN where not in the frame;
    body: the map of the undressed body in this pose, at half the size.
    """

    identity: Identity
    shot: Shot
    image: npt.NDArray[np.uint8]
    place: npt.NDArray[np.uint8]
    parts: npt.NDArray[np.uint8]
    alpha: npt.NDArray[np.uint8]
    depth: npt.NDArray[np.float16]
    keypoints: Floats
    keypoint_depth: Floats
    face_box: Floats
    head_box: Floats
    body_box: Floats
    body: BodyMap
    captions: Captions

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        """[H, W], true on the person."""
        return np.asarray(self.parts != Part.BACKGROUND)


def render(identity: Identity, shot: Shot, height: int = 192, width: int = 128, device: str = "cpu") -> Photo:
    """One photo of one person."""
    return render_shots(identity, [shot], height, width, device)[0]


def render_shots(
    identity: Identity,
    shots: list[Shot],
    height: int = 192,
    width: int = 128,
    device: str = "cpu",
) -> list[Photo]:
    """Photos of one person; dressing and posing are shared, so this is cheaper than `render` in a loop."""
    if not shots:
        return []
    figure = _without_hidden(dress(identity), identity)
    transforms = bone_transforms(figure.body, [shot.pose for shot in shots])
    vertices, normals = _skinned(figure.weights, figure.vertices, figure.normals, transforms)
    bare = _bare(identity, shots, vertices)
    return [
        _photograph(identity, shot, figure, vertices[i], normals[i], transforms[i], bare[i], (height, width), device)
        for i, shot in enumerate(shots)
    ]


def photos_of(seed: int, count: int, height: int = 192, width: int = 128, device: str = "cpu") -> list[Photo]:
    """A person's first photos in order, each in the outfit of its shot."""
    shots = [sample_shot(seed, index) for index in range(count)]
    taken: list[Photo] = []
    for outfit in sorted({shot.outfit for shot in shots}):
        worn = [shot for shot in shots if shot.outfit == outfit]
        taken += render_shots(sample_identity(seed, outfit), worn, height, width, device)
    return sorted(taken, key=lambda photo: photo.shot.photo)


def _without_hidden(figure: Figure, identity: Identity) -> Figure:
    """The figure less the triangles that every ray would pass: they only cost time."""
    vertex_layers = np.zeros(len(figure.vertices), np.int32)
    vertex_layers[figure.faces] = figure.layers[:, None]
    marks = wp.zeros(len(vertex_layers), dtype=int, device="cpu")
    inputs = [
        wp.array(vertex_layers, dtype=int, device="cpu"),
        wp.array(figure.canonical, dtype=wp.vec4, device="cpu"),
        look_of(identity),
        marks,
    ]
    wp.launch(mark_opaque, dim=len(vertex_layers), inputs=inputs, device="cpu")
    kept = (marks.numpy() > 0)[figure.faces].any(axis=1)
    return replace(figure, faces=figure.faces[kept], layers=figure.layers[kept])


def _bare(identity: Identity, shots: list[Shot], dressed: Floats) -> list[tuple[Floats, Floats]]:
    """For each shot posed vertices and normals [V, 3] of the undressed body, moved to where the dressed one is,
    dressed [S, V', 3] being its vertices with the skin first."""
    body, shared = bare_body_of(identity), template()
    transforms = bone_transforms(body, [shot.pose for shot in shots])
    normals = vertex_normals(body.vertices, shared.faces)
    vertices, turned = _skinned(shared.weights, body.vertices, normals, transforms)
    shift = (dressed[:, : vertices.shape[1]] - vertices).mean(axis=1, keepdims=True)
    return list(zip(vertices + shift, turned, strict=True))


def _skinned(
    weights: Any, vertices: Floats, normals: Floats, transforms: npt.NDArray[np.float64]
) -> tuple[Floats, Floats]:
    """Posed vertices and normals, [S, V, 3] each, by linear blend skinning: weights sparse [V, B]."""
    count, bones = transforms.shape[:2]
    flat = transforms.reshape(count, bones, 12).transpose(1, 0, 2).reshape(bones, count * 12)
    blended = (weights @ flat.astype(np.float32)).reshape(-1, count, 3, 4).transpose(1, 0, 2, 3)
    rotation, shift = blended[..., :3], blended[..., 3]
    posed = np.einsum("svij,vj->svi", rotation, vertices) + shift
    turned = np.einsum("svij,vj->svi", rotation, normals)
    return posed.astype(np.float32), turned.astype(np.float32)


def _photograph(
    identity: Identity,
    shot: Shot,
    figure: Figure,
    vertices: Floats,
    normals: Floats,
    transforms: npt.NDArray[np.float64],
    bare: tuple[Floats, Floats],
    size: tuple[int, int],
    device: str,
) -> Photo:
    height, width = size
    floor = float(vertices[:, 2].min())
    faces, layers, canonical = figure.faces, figure.layers, figure.canonical
    camera = camera_of(shot, vertices, canonical, height, width, floor)
    world = joints(figure, vertices, transforms)
    if STANCES[shot.pose.name].seat:
        vertices, normals, canonical, faces, layers = with_seat(
            vertices, normals, canonical, faces, layers, transforms, floor, figure
        )
    cast = _Cast(vertices, normals, canonical, faces, layers, identity, device)
    colours, votes, shadow, depth = cast.image(_scene(shot, camera, floor), height, width, shot.background_seed)
    back = paint(
        shot.background,
        shot.background_seed,
        height,
        width,
        camera.centre_px[1],
        BLUR[shot.framing],
    )
    image = _composed(colours, shadow, back)
    parts = _majority(votes)
    points = keypoints(world, camera, cast.visible, size)
    return Photo(
        identity=identity,
        shot=shot,
        image=image,
        place=_bytes(back),
        parts=parts,
        alpha=_coverage(votes),
        depth=np.where(parts == Part.BACKGROUND, np.inf, depth).astype(np.float16),
        keypoints=points,
        keypoint_depth=world[:, 1] - camera.eye[1],
        face_box=face_box(vertices, points, camera, size),
        head_box=head_box(vertices, camera, size),
        body_box=mask_box(parts != Part.BACKGROUND),
        body=body_map(*bare, camera, size, device),
        captions=caption(identity, shot),
    )


class _Cast:
    """A posed figure on a device, ready to be looked at."""

    def __init__(
        self,
        vertices: Floats,
        normals: Floats,
        canonical: Floats,
        faces: npt.NDArray[np.int32],
        layers: npt.NDArray[np.int32],
        identity: Identity,
        device: str,
    ) -> None:
        self.device = device
        self.indices = wp.array(faces.ravel(), dtype=int, device=device)
        self.mesh = wp.Mesh(
            points=wp.array(vertices, dtype=wp.vec3, device=device),
            indices=self.indices,
            bvh_constructor="median" if device == "cpu" else None,
        )
        self.layers = wp.array(layers, dtype=int, device=device)
        self.canonical = wp.array(canonical, dtype=wp.vec4, device=device)
        self.normals = wp.array(normals, dtype=wp.vec3, device=device)
        self.look = look_of(identity)

    def image(
        self, scene: Any, height: int, width: int, seed: int
    ) -> tuple[Floats, npt.NDArray[np.int32], Floats, Floats]:
        """Colours times opacity with opacity [H, W, 4], part votes [H, W], floor shadow [H, W], depth m [H, W]."""
        count = height * width
        colours = wp.zeros(count, dtype=wp.vec4, device=self.device)
        votes = wp.zeros(count, dtype=int, device=self.device)
        shadows = wp.zeros(count, dtype=float, device=self.device)
        depths = wp.zeros(count, dtype=float, device=self.device)
        wp.launch(
            cast_image,
            dim=count,
            inputs=[
                self.mesh.id,
                self.indices,
                self.layers,
                self.canonical,
                self.normals,
                self.look,
                scene,
                width,
                seed % 2**31,
                colours,
                votes,
                shadows,
                depths,
            ],
            device=self.device,
        )
        shape = (height, width)
        return (
            colours.numpy().reshape(*shape, 4),
            votes.numpy().reshape(shape),
            shadows.numpy().reshape(shape),
            depths.numpy().reshape(shape),
        )

    def visible(self, eye: Floats, points: Floats, tolerances: Floats) -> npt.NDArray[np.int32]:
        """[N], 1 where a point is not hidden by more than its tolerance."""
        result = wp.zeros(len(points), dtype=int, device=self.device)
        wp.launch(
            cast_points,
            dim=len(points),
            inputs=[
                self.mesh.id,
                self.indices,
                self.layers,
                self.canonical,
                self.look,
                wp.vec3(*(float(value) for value in eye)),
                wp.array(points.astype(np.float32), dtype=wp.vec3, device=self.device),
                wp.array(tolerances.astype(np.float32), dtype=float, device=self.device),
                result,
            ],
            device=self.device,
        )
        return np.asarray(result.numpy(), dtype=np.int32)


def _scene(shot: Shot, camera: Camera, floor: float) -> Any:
    place = atmosphere(shot.background)
    warm = shot.light.warmth * 0.10
    key = np.array(place.key) * np.array([1 + warm, 1.0, 1 - warm]) * shot.light.strength
    scene = Scene()
    scene.eye = wp.vec3(*(float(value) for value in camera.eye))
    scene.focal_px = camera.focal_px
    scene.centre_x, scene.centre_y = camera.centre_px
    scene.light = wp.vec3(*shot.light.direction)
    scene.light_colour = wp.vec3(*(float(value) for value in key))
    scene.sky = wp.vec3(*place.sky)
    scene.ground = wp.vec3(*place.ground)
    scene.rim = wp.vec3(*place.rim)
    scene.floor = floor
    scene.casts_shadow = int(place.floor)
    return scene


def _composed(colours: Floats, shadow: Floats, back: Floats) -> npt.NDArray[np.uint8]:
    cover = colours[..., 3:]
    soft = cv2.GaussianBlur(shadow, (0, 0), shadow.shape[1] / 90)
    open_floor = cv2.GaussianBlur(1 - cover[..., 0], (0, 0), shadow.shape[1] / 90)
    shade = 1 - 0.75 * np.clip(soft / np.maximum(open_floor, 0.2), 0, 0.8)
    picture = colours[..., :3] + back * shade[..., None] * (1 - cover)
    return _bytes(picture)


def _bytes(picture: Floats) -> npt.NDArray[np.uint8]:
    return np.asarray(picture.clip(0, 1) * 255 + 0.5, dtype=np.uint8)


def _majority(votes: npt.NDArray[np.int32]) -> npt.NDArray[np.uint8]:
    """The part most rays of a pixel hit, [H, W]; the higher number wins a tie."""
    counts = np.stack([(votes >> (4 * part)) & 15 for part in reversed(Part)], axis=-1)
    return np.asarray(len(Part) - 1 - counts.argmax(axis=-1), dtype=np.uint8)


def _coverage(votes: npt.NDArray[np.int32]) -> npt.NDArray[np.uint8]:
    """The share of a pixel's rays that hit the person, [H, W] in 0..255."""
    missed = votes & 15
    return np.asarray((RAYS - missed) * 255 // RAYS, dtype=np.uint8)
