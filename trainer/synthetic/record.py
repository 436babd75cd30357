"""One photo as the files of a WebDataset sample, and shards of such samples as tar archives.

A sample's files share the key `<identity>-<photo>`: .png (the photo), .place.png (without the person), .parts.png,
.alpha.png, .depth.npz, .surface.png and .normal.png (the body map, see `body_map.BodyMap`), .json and, where there is a
stylised copy, .styled.png. Equal photos give equal bytes.
"""

import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from trainer.files import replacing
from trainer.synthetic.attributes import attributes, parameters
from trainer.synthetic.backgrounds import BACKGROUNDS
from trainer.synthetic.manifest import damaged
from trainer.synthetic.shot import FRAMINGS, POSES, Shot
from trainer.synthetic.styles import STYLES, apply_style, style_phrase

STYLED_SHARE: Final = 0.25
PNG_LEVEL: Final = 2
"""Higher levels save a tenth of the size and cost several times as long."""

Sample = dict[str, bytes]


def sample_key(identity: int, photo: int) -> str:
    """The name that a sample's files share; sorts by identity, then photo."""
    return f"{identity:07d}-{photo:04d}"


def sample_of(photo: Any) -> Sample:
    """The files of a `render.Photo` by extension."""
    record = record_of(photo)
    files = {
        "png": _png(photo.image),
        "place.png": _png(photo.place),
        "parts.png": _png(photo.parts),
        "alpha.png": _png(photo.alpha),
        "depth.npz": _npz(photo.depth),
        "surface.png": _png(photo.body.surface),
        "normal.png": _png(photo.body.normal),
    }
    if record["style"] is not None:
        files["styled.png"] = _png(apply_style(photo.image, record["style"]))
    files["json"] = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
    return files


def record_of(photo: Any) -> dict[str, Any]:
    """All that is known of a photo and is not a picture. Boxes are x0, y0, x1, y1 px, null where unseen."""
    shot, style = photo.shot, style_of(photo.shot)
    return {
        "identity": shot.identity_seed,
        "photo": shot.photo,
        "outfit": photo.identity.outfit_number,
        "background": shot.background,
        "pose": shot.pose.name,
        "framing": shot.framing,
        "indices": {
            "background": BACKGROUNDS.index(shot.background),
            "pose": POSES.index(shot.pose.name),
            "framing": FRAMINGS.index(shot.framing),
        },
        "captions": asdict(photo.captions),
        "style": style,
        "style_phrase": None if style is None else {"en": style_phrase(style, "en"), "ru": style_phrase(style, "ru")},
        "keypoints": _rounded(photo.keypoints).tolist(),
        "keypoint_depth_m": np.round(photo.keypoint_depth, 3).tolist(),
        "face_box": _box(photo.face_box),
        "head_box": _box(photo.head_box),
        "body_box": _box(photo.body_box),
        "attributes": attributes(photo.identity),
        "parameters": parameters(photo.identity),
        "shot": _plain(asdict(shot)),
    }


def style_of(shot: Shot) -> str | None:
    """The style of a photo's stylised copy, None for most."""
    random = np.random.default_rng([80, shot.identity_seed, shot.photo])
    if random.random() >= STYLED_SHARE:
        return None
    return STYLES[int(random.integers(len(STYLES)))]


def write_samples(path: Path, samples: Iterable[tuple[str, Sample]]) -> int:
    """Writes a shard at once or not at all; returns its number of samples."""
    count = 0
    with replacing(path) as draft, tarfile.open(draft, "w", format=tarfile.USTAR_FORMAT) as archive:
        for key, files in samples:
            for extension, content in files.items():
                entry = tarfile.TarInfo(f"{key}.{extension}")
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
            count += 1
    return count


def read_samples(path: Path, wanted: frozenset[str]) -> Iterator[tuple[str, Sample]]:
    """The samples of a shard in order, with those of the wanted extensions that they have.

    Raises DataError for a shard that is cut, empty or no tar archive."""
    try:
        yield from _samples(path, wanted)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise damaged(path, str(error)) from error


def _samples(path: Path, wanted: frozenset[str]) -> Iterator[tuple[str, Sample]]:
    with tarfile.open(path, "r:") as archive:
        key, files = "", Sample()
        for entry in archive:
            name, _, extension = entry.name.partition(".")
            if name != key and key:
                yield key, files
                files = {}
            key = name
            stream = archive.extractfile(entry) if extension in wanted else None
            if stream is not None:
                files[extension] = stream.read()
        if key:
            yield key, files


def decode_picture(content: bytes) -> npt.NDArray[np.uint8]:
    """uint8 [H, W, 3] RGB, or [H, W] for a map."""
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if picture is None:
        raise ValueError(f"expected a PNG picture, got {len(content)} bytes that are none: render the shard again")
    return np.ascontiguousarray(picture[:, :, ::-1] if picture.ndim == 3 else picture, dtype=np.uint8)


def decode_surface(content: bytes) -> npt.NDArray[np.uint16]:
    """uint16 [h, w] of `body_map.BodyMap.surface`."""
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if picture is None or picture.dtype != np.uint16:
        raise ValueError(f"expected a 16-bit PNG, got {len(content)} bytes that are none: render the shard again")
    return np.asarray(picture, dtype=np.uint16)


def decode_depth(content: bytes) -> npt.NDArray[np.float16]:
    """float16 [H, W] metres, infinite off the person."""
    with np.load(io.BytesIO(content)) as arrays:
        return np.asarray(arrays["depth"], dtype=np.float16)


def _png(picture: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]) -> bytes:
    ordered = picture[:, :, ::-1] if picture.ndim == 3 else picture
    done, content = cv2.imencode(".png", ordered, (cv2.IMWRITE_PNG_COMPRESSION, PNG_LEVEL))
    if not done:
        raise ValueError(f"expected a picture, got an array {picture.shape} of {picture.dtype}: give uint8 [H, W, 3]")
    return content.tobytes()


def _npz(depth: npt.NDArray[np.float16]) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, depth=depth)
    return stream.getvalue()


def _box(box: npt.NDArray[np.float32]) -> list[float] | None:
    return None if np.isnan(box).any() else _rounded(box).tolist()


def _rounded(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Hundredths of a pixel are enough and keep records short."""
    return np.asarray(np.round(values.astype(np.float64), 2))


def _plain(value: Any) -> Any:
    """Arrays as rounded lists, so that JSON can hold them."""
    if isinstance(value, dict):
        return {name: _plain(entry) for name, entry in value.items()}
    return np.round(value, 5).tolist() if isinstance(value, np.ndarray) else value
