"""A crawled folder becomes a data set, person by person."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
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
from trainer.curate.records import CuratedPhoto, CurationVerdict, MarkLook, PhotoFindings, Reason
from trainer.curate.sieve import Judged, counted_faces, enough, sift

LEARNT_FROM = 200
"""Photos from which detectors learn a site's mark; enough where half of them carry it, not where a fifth do."""

Show = Callable[[str, int, int], None]
"""Called with what is being looked at, how many photos are done, and of how many."""


@dataclass(frozen=True)
class CurationOutcome:
    """The contents of the data set and the outcome of every photo."""

    kept: list[CuratedPhoto]
    verdicts: list[CurationVerdict]


def curate(options: CurateOptions, experts: Experts, show: Show = lambda *_: None) -> CurationOutcome:
    """Writes the data set and its report into `options.out`. Raises DataError where there is nothing to curate.

    Interrupted at any moment, the same call goes on where it was: what was seen is below out/cache."""
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
        found = _looked_at(candidates(person, files), looker, partial(_advance, show, person, done, total))
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


def _looked_at(found: list[Candidate], looker: Looker, advance: Callable[[int], None]) -> list[Judged]:
    """The photos of one person with what is seen on them."""
    photos = []
    for number, candidate in enumerate(found):
        advance(number)
        photos.append(Judged(candidate, *_looked(candidate, looker)))
    return photos


def _person(
    photos: list[Judged], options: CurateOptions, looker: Looker, taken: dict[str, str]
) -> tuple[list[Judged], list[CuratedPhoto]]:
    """All photos of one person, judged, and those that are kept, in the data set's folder already."""
    photos = sift(photos, options, taken)
    bodies: dict[str, Observation] = {}
    for index, photo in enumerate(photos):
        if photo.reason is None:
            (face,) = counted_faces(photo.look, options)
            bodies[photo.candidate.name] = seen = looker.body(photo.candidate, face)
            if options.need_body and seen.keypoints is None:
                photos[index] = photo.dropped(Reason.NO_BODY)
    photos = enough(photos, options)
    rows = [_kept(photo, bodies[photo.candidate.name], options, looker) for photo in photos if photo.reason is None]
    return photos, rows


def _looked(candidate: Candidate, looker: Looker) -> tuple[PhotoFindings, MarkLook]:
    if not candidate.sha256:
        return PhotoFindings(unreadable="the file cannot be read"), MarkLook(found=None)
    return looker.look(candidate)


def _kept(photo: Judged, seen: Observation, options: CurateOptions, looker: Looker) -> CuratedPhoto:
    candidate, captioner = photo.candidate, looker.experts.captioner
    (face,) = counted_faces(photo.look, options)
    return CuratedPhoto(
        file_name=dataset.add_photo(options.out, candidate),
        person=candidate.person,
        width=photo.look.width,
        height=photo.look.height,
        face_box=face.box,
        face_landmarks=face.landmarks,
        face_embedding=face.embedding,
        body_box=seen.body_box if seen.keypoints is not None else None,
        keypoints=None if seen.keypoints is None else seen.keypoints.astype(float).round(3).tolist(),
        parts=dataset.add_parts(options.out, candidate, seen),
        captions=looker.words(candidate, seen),
        captioner="" if captioner is None else captioner.name,
        sha256=candidate.sha256,
        source=candidate.name,
        provenance=candidate.provenance,
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
