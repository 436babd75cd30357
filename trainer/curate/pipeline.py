"""Turns a crawled folder into a data set, person by person."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from PIL import Image

from engine.errors import BadReference
from engine.identity.observation import Observation
from trainer.curate import dataset, report
from trainer.curate.cache import Cache
from trainer.curate.folder import Candidate, candidates, persons, sample
from trainer.curate.looking import Experts, Looker
from trainer.curate.options import CurateOptions
from trainer.curate.outfits import evidence_of, outfits, taken_at
from trainer.curate.records import CuratedPhoto, CurationVerdict, MarkLook, PhotoFindings, Reason
from trainer.curate.sieve import Judged, counted_faces, enough, large_enough, nearly_alike, sift

KEPT_MIN = 0.7
"""The least share of a photo's area that has to be left without a mark; else the photo is dropped."""
LEARNT_FROM = 200
"""The number of photos from which detectors learn a site's mark: enough if half of them have it, too few if a fifth
do."""

Show = Callable[[str, int, int], None]
"""Called with the name of the current stage, the number of finished photos, and the number of all."""


@dataclass(frozen=True)
class CurationOutcome:
    """The contents of the data set and the outcome of every photo."""

    kept: list[CuratedPhoto]
    verdicts: list[CurationVerdict]


def curate(options: CurateOptions, experts: Experts, show: Show = lambda *_: None) -> CurationOutcome:
    """Writes the data set and its report into `options.out`. Raises DataError where there is nothing to curate.

    If a run is interrupted, the same call resumes it: findings are cached in out/cache.
    """
    people = persons(options.data)
    total = sum(map(len, people.values()))
    options.out.mkdir(parents=True, exist_ok=True)
    show("learning the site's marks", 0, total)
    for detector in experts.detectors:
        detector.learn(_photos(options, people))
    looker = Looker(experts, Cache(options.out / "cache"))
    taken: dict[str, str] = {}
    kept: list[CuratedPhoto] = []
    judged: list[Judged] = []
    for person, files in people.items():
        done = len(judged)
        found = _looked_at(candidates(person, files), options, looker, partial(_advance, show, person, done, total))
        photos, rows = _person(found, options, looker, taken)
        judged += photos
        kept += rows
        taken |= {photo.candidate.sha256: photo.candidate.name for photo in photos if photo.reason is None}
    dataset.close(options.out, kept)
    outcome = CurationOutcome(kept, [_verdict(photo) for photo in judged])
    report.write(
        options.out / "report", options, experts, outcome.verdicts, {j.candidate.name: j.candidate for j in judged}
    )
    show("done", total, total)
    return outcome


def _advance(show: Show, person: str, done: int, total: int, number: int) -> None:
    show(person, done + number, total)


def _looked_at(
    found: list[Candidate], options: CurateOptions, looker: Looker, advance: Callable[[int], None]
) -> list[Judged]:
    """The photos of one person with their findings."""
    photos = []
    for number, candidate in enumerate(found):
        advance(number)
        photos.append(_without_mark(Judged(candidate, *_looked(candidate, looker)), options, looker))
    return photos


def _without_mark(photo: Judged, options: CurateOptions, looker: Looker) -> Judged:
    """The photo, cropped beside its mark, where enough of its area and every face remain."""
    look, mark = photo.look, photo.mark
    if mark.clean is None or look.unreadable is not None:
        return photo
    x0, y0, x1, y1 = mark.clean
    whole = all(x0 <= face.box[0] and y0 <= face.box[1] and face.box[2] <= x1 and face.box[3] <= y1
                for face in counted_faces(look, options))  # fmt: skip
    if not whole or (x1 - x0) * (y1 - y0) < KEPT_MIN * look.width * look.height:
        return photo
    cropped = replace(photo.candidate, clean=mark.clean)
    again, _ = looker.look(cropped)
    return Judged(cropped, again, MarkLook(found=None), detail=f"cut off: {mark.found}")


def _person(
    photos: list[Judged], options: CurateOptions, looker: Looker, taken: dict[str, str]
) -> tuple[list[Judged], list[CuratedPhoto]]:
    """All photos of one person with their verdicts. Those that are kept are copied into the data set."""
    photos = sift(photos, options, taken)
    bodies: dict[str, Observation] = {}
    for index, photo in enumerate(photos):
        faceless = photo.reason is Reason.NO_FACE and large_enough(photo.look, options)
        if photo.reason is None or faceless:
            bodies[photo.candidate.name] = observation = looker.body(photo.candidate, photo.face)
            if observation.keypoints is None and options.need_body and not faceless:
                photos[index] = photo.dropped(Reason.NO_BODY)
    worn = _worn(photos, bodies)
    photos = enough(_with_faceless(photos, bodies, worn, options), options)
    accepted = [photo for photo in photos if photo.reason is None]
    numbers = {worn[photo.candidate.name] for photo in accepted} - {None}
    order = {number: place for place, number in enumerate(sorted(n for n in numbers if n is not None))}
    rows = []
    for photo in accepted:
        number = worn[photo.candidate.name]
        outfit = None if number is None else f"{photo.candidate.person}-{order[number]}"
        rows.append(_curated(photo, bodies[photo.candidate.name], outfit, options, looker))
    return photos, rows


def _worn(photos: list[Judged], bodies: dict[str, Observation]) -> dict[str, int | None]:
    """The number of the outfit on each photo whose body was examined."""
    examined = [photo for photo in photos if photo.candidate.name in bodies]
    evidence = []
    for photo in examined:
        candidate = photo.candidate
        clothes = bodies[candidate.name]
        image = candidate.open() if clothes.parts is not None else Image.new("RGB", (1, 1))
        evidence.append(
            evidence_of(image, clothes, photo.look.perceptual, candidate.provenance, taken_at(candidate.path))
        )
    return {photo.candidate.name: number for photo, number in zip(examined, outfits(evidence), strict=True)}


def _with_faceless(
    photos: list[Judged], bodies: dict[str, Observation], worn: dict[str, int | None], options: CurateOptions
) -> list[Judged]:
    """Keeps photos of one body without a face, if the clothes are those of a photo of the person with a face."""
    accepted = [photo for photo in photos if photo.reason is None]
    outfits = {worn[photo.candidate.name] for photo in accepted} - {None}
    judged = []
    for photo in photos:
        name = photo.candidate.name
        if photo.reason is Reason.NO_FACE and worn.get(name) in outfits and bodies[name].keypoints is not None:
            twin = next((k for k in accepted if nearly_alike(k.look.perceptual, photo.look.perceptual, options)), None)
            if twin is not None:
                photo = photo.dropped(Reason.DUPLICATE, f"nearly {twin.candidate.name}")
            else:
                photo = replace(photo, reason=None, detail="no face; the clothes of another photo")
                accepted.append(photo)
        judged.append(photo)
    return judged


def _looked(candidate: Candidate, looker: Looker) -> tuple[PhotoFindings, MarkLook]:
    if not candidate.sha256:
        return PhotoFindings(unreadable="the file cannot be read"), MarkLook(found=None)
    return looker.look(candidate)


def _curated(
    photo: Judged, observation: Observation, outfit: str | None, options: CurateOptions, looker: Looker
) -> CuratedPhoto:
    candidate, captioner, face = photo.candidate, looker.experts.captioner, photo.face
    return CuratedPhoto(
        file_name=dataset.add_photo(options.out, candidate),
        person=candidate.person,
        width=photo.look.width,
        height=photo.look.height,
        face_box=None if face is None else face.box,
        face_landmarks=None if face is None else face.landmarks,
        face_embedding=None if face is None else face.embedding,
        body_box=observation.body_box if observation.keypoints is not None else None,
        keypoints=None if observation.keypoints is None else observation.keypoints.astype(float).round(3).tolist(),
        parts=dataset.add_parts(options.out, candidate, observation),
        captions=looker.words(candidate, observation),
        captioner="" if captioner is None else captioner.name,
        sha256=candidate.sha256,
        source=candidate.name,
        provenance=candidate.provenance,
        outfit=outfit,
    )


def _photos(options: CurateOptions, people: dict[str, list[Path]]) -> Iterator[Image.Image]:
    for path in sample(people, LEARNT_FROM):
        try:
            yield Candidate(path.parent.name, path, "").open()
        except BadReference:
            continue  # it is judged, and counted, later


def _verdict(photo: Judged) -> CurationVerdict:
    candidate = photo.candidate
    return CurationVerdict(
        person=candidate.person,
        file_name=candidate.path.name,
        sha256=candidate.sha256,
        reason=photo.reason,
        detail=photo.detail,
    )
