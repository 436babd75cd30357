"""COCO 2017 validation: the captions that CLIP-I, CLIP-T and FID are measured on, each with its photo.

The protocol takes the first caption of each image (the one with the lowest annotation id), images in the order of their
ids, and of these the first 5,000; the set has exactly that many images. A reduced run takes the first `limit` of the
same list, so that it is part of the full one.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from trainer.errors import DataError

PROTOCOL_CAPTIONS: Final = 5_000
ANNOTATIONS: Final = Path("annotations") / "captions_val2017.json"
PHOTOS: Final = Path("val2017")
_REMEDY: Final = (
    "download annotations_trainval2017.zip and val2017.zip from cocodataset.org and unpack both into that folder"
)


class Caption(NamedTuple):
    """One photo and its caption."""

    image_id: int
    text: str
    path: Path


class _Official(BaseModel):
    """The official file has more fields (licences, sizes) than are asked for here."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class _Image(_Official):
    id: int
    file_name: str


class _Annotation(_Official):
    id: int
    image_id: int
    caption: str


class _Annotations(_Official):
    images: list[_Image]
    annotations: list[_Annotation]


def read_captions(folder: Path, limit: int = PROTOCOL_CAPTIONS) -> list[Caption]:
    """The first caption of each of the first `limit` images, by id. Raises DataError where file or photos are absent,
    damaged or fewer than `limit`."""
    if limit < 1:
        raise DataError(f"expected to read at least 1 caption, got a limit of {limit}; give a larger one")
    content = _read(folder)
    first: dict[int, _Annotation] = {}
    for annotation in sorted(content.annotations, key=lambda annotation: annotation.id):
        first.setdefault(annotation.image_id, annotation)
    images = [image for image in sorted(content.images, key=lambda image: image.id) if image.id in first][:limit]
    if len(images) < limit:
        raise DataError(
            f"expected {limit} captioned images in {folder / ANNOTATIONS}, got {len(images)}; "
            "give a lower limit, or the whole file"
        )
    captions = [
        Caption(image.id, first[image.id].caption.strip(), folder / PHOTOS / image.file_name) for image in images
    ]
    _check_photos(captions, folder)
    return captions


def _read(folder: Path) -> _Annotations:
    path = folder / ANNOTATIONS
    try:
        return _Annotations.model_validate_json(path.read_bytes().removeprefix(BOM_UTF8))
    except FileNotFoundError as error:
        raise DataError(f"expected COCO's captions in {path}, found none; {_REMEDY}") from error
    except (OSError, ValidationError) as error:
        reason = error.errors(include_url=False)[0]["msg"] if isinstance(error, ValidationError) else error.strerror
        raise DataError(f"expected COCO's captions in {path}, got a damaged file ({reason}); {_REMEDY}") from error


def _check_photos(captions: list[Caption], folder: Path) -> None:
    absent = [caption.path.name for caption in captions if not caption.path.is_file()]
    if absent:
        raise DataError(
            f"expected {len(captions)} photos in {folder / PHOTOS}, {len(absent)} are absent ({absent[0]} first); "
            f"{_REMEDY}"
        )
