"""Decides which photos of one person are dropped, and why. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import imagehash
import numpy as np

from trainer.curate.folder import Candidate
from trainer.curate.likeness import Hashed, duplicates, majority, mean_of_majority
from trainer.curate.options import CurateOptions
from trainer.curate.records import MarkLook, PhotoFindings, Reason, SeenFace

CLEAR_SHARE = 0.6
"""The least side of the person's face in sides of the largest face, on a photo of several people."""


@dataclass(frozen=True)
class Judged:
    """A photo with its findings and the reason for dropping it, None for a photo that no check has dropped so far.
    face: the face of the person."""

    candidate: Candidate
    look: PhotoFindings
    mark: MarkLook
    reason: Reason | None = None
    detail: str = ""
    face: SeenFace | None = None

    def dropped(self, reason: Reason, detail: str = "") -> Judged:
        return replace(self, reason=reason, detail=detail)


def sift(photos: Sequence[Judged], options: CurateOptions, taken: dict[str, str]) -> list[Judged]:
    """All photos of one person with their reasons. `taken`: sha256 -> name of photos kept for other people."""
    judged = [_alone(photo, options) for photo in photos]
    judged = _found_among_others(judged, options)
    judged = _without_repeats(judged, options, taken)
    return _of_one_person(judged, options)


def enough(photos: Sequence[Judged], options: CurateOptions) -> list[Judged]:
    """The photos unchanged, or all with a reason where too few are left."""
    left = sum(photo.reason is None for photo in photos)
    if left >= options.min_photos:
        return list(photos)
    detail = f"{left} of at least {options.min_photos}"
    return [photo if photo.reason else photo.dropped(Reason.TOO_FEW, detail) for photo in photos]


def counted_faces(look: PhotoFindings, options: CurateOptions) -> list[SeenFace]:
    """The faces that count as people, the largest first."""
    if not look.faces:
        return []
    least = options.background_face * look.faces[0].face().side_px
    return [face for face in look.faces if face.face().side_px >= least]


def _alone(photo: Judged, options: CurateOptions) -> Judged:
    """The reason that follows from the photo alone."""
    look = photo.look
    if look.unreadable is not None:
        return photo.dropped(Reason.UNREADABLE, look.unreadable)
    if photo.mark.found is not None:
        return photo.dropped(Reason.WATERMARK, photo.mark.found)
    faces = counted_faces(look, options)
    if not faces:
        return photo.dropped(Reason.NO_FACE)
    if len(faces) > 1:
        return photo.dropped(Reason.SEVERAL_FACES, f"{len(faces)} faces")
    if not large_enough(look, options):
        return photo.dropped(Reason.TOO_SMALL, f"{look.width} x {look.height} px of at least {options.min_side_px}")
    return replace(photo, face=faces[0])


def nearly_alike(one: str, other: str, options: CurateOptions) -> bool:
    """Whether two perceptual hashes belong to nearly the same picture."""
    return bool(imagehash.hex_to_hash(one) - imagehash.hex_to_hash(other) <= options.duplicate_bits)


def large_enough(look: PhotoFindings, options: CurateOptions) -> bool:
    """Whether the shorter side has at least the required length."""
    return min(look.width, look.height) >= options.min_side_px


def _found_among_others(photos: list[Judged], options: CurateOptions) -> list[Judged]:
    """Keeps photos with several faces if exactly one is the person's, and is at least CLEAR_SHARE as large as the
    largest.

    The person's face is known from photos with one face. Without embeddings nothing changes.
    """
    alone = [photo.face.embedding for photo in photos if photo.face is not None]
    if not alone or any(embedding is None for embedding in alone):
        return photos
    person = mean_of_majority(np.array(alone, np.float32), options.same_person)

    def clear(photo: Judged) -> Judged:
        faces = counted_faces(photo.look, options)
        if any(face.embedding is None for face in faces) or not large_enough(photo.look, options):
            return photo
        faces_of_person = [
            face for face in faces if np.array(face.embedding, np.float32) @ person >= options.same_person
        ]
        if len(faces_of_person) != 1 or faces_of_person[0].face().side_px < CLEAR_SHARE * faces[0].face().side_px:
            return photo
        return replace(photo, reason=None, detail=f"one of {photo.detail}", face=faces_of_person[0])

    return [clear(photo) if photo.reason is Reason.SEVERAL_FACES else photo for photo in photos]


def _without_repeats(photos: list[Judged], options: CurateOptions, taken: dict[str, str]) -> list[Judged]:
    """Drops files that are kept for another person already, and near-duplicates within the folder."""
    photos = [
        photo.dropped(Reason.DUPLICATE, f"the same file as {taken[photo.candidate.sha256]}")
        if photo.reason is None and photo.candidate.sha256 in taken
        else photo
        for photo in photos
    ]
    left = [index for index, photo in enumerate(photos) if photo.reason is None]
    looks = [photos[index].look for index in left]
    found = duplicates([Hashed(look.perceptual, look.width * look.height) for look in looks], options.duplicate_bits)
    for index, twin in found.items():
        photos[left[index]] = photos[left[index]].dropped(
            Reason.DUPLICATE, f"nearly {photos[left[twin]].candidate.name}"
        )
    return photos


def _of_one_person(photos: list[Judged], options: CurateOptions) -> list[Judged]:
    """Drops photos with a face that is not the majority's. Without embeddings the person is unknown, and all photos
    stay."""
    left = [index for index, photo in enumerate(photos) if photo.reason is None]
    embeddings = [None if (face := photos[index].face) is None else face.embedding for index in left]
    if not left or any(embedding is None for embedding in embeddings):
        return photos
    cosines = majority(np.array(embeddings, np.float32), options.same_person)
    members = cosines >= options.same_person
    if 2 * int(members.sum()) <= len(left) and len(left) > 1:
        for index in left:
            photos[index] = photos[index].dropped(Reason.NO_MAJORITY, f"{members.sum()} of {len(left)} faces agree")
        return photos
    for index, cosine in zip(left, cosines, strict=True):
        if cosine < options.same_person:
            photos[index] = photos[index].dropped(Reason.OTHER_PERSON, f"cosine {cosine:.2f} with the others")
    return photos
