"""The text about the examination of a photo, or of an album. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.db.tables import Reference
from bot.domain import ReferenceState
from bot.translator import Markup, Texts
from engine.contract import REFERENCES_MAX, Verdict

HINTS_MAX = 2
"""The weightiest come first."""


def verdict_key(state: str, verdict: str | None) -> str:
    """The Fluent key for a verdict of the engine, or for a refusal of the bot's own (`bot.photos.Refusal`)."""
    found = "accepted" if state == ReferenceState.ACCEPTED else verdict or "unreadable"
    return f"photo-verdict-{found.replace('_', '-')}"


def refused_photo(
    texts: Texts, verdict: str | None, prompt: str | None, returned: str = "pose-prompt-returned"
) -> Markup:
    """The refusal of a photo that was asked for, by default for its pose; its prompt is returned with the message
    `returned`, because it was meant for that photo."""
    of_poses = {Verdict.NO_PERSON, Verdict.SEVERAL_PEOPLE, Verdict.NO_POSE}
    key = f"pose-{verdict_key(ReferenceState.REJECTED, verdict)}" if verdict in of_poses else None
    refused = texts(key or verdict_key(ReferenceState.REJECTED, verdict), limit=REFERENCES_MAX)
    return refused if prompt is None else Markup(f"{refused}\n\n{texts(returned, prompt=prompt)}")


def verdicts_text(texts: Texts, photos: Sequence[Reference], *, album: bool) -> Markup:
    """The verdict on a photo; for an album one line per photo, in the order of sending."""
    verdicts = [_verdict(texts, photo) for photo in photos]
    if not album:
        return verdicts[0]
    lines = [texts("photo-album-line", number=number, verdict=text) for number, text in enumerate(verdicts, 1)]
    accepted = sum(photo.state == ReferenceState.ACCEPTED for photo in photos)
    return Markup("\n".join([texts("photo-album", accepted=accepted, photos=len(lines)), *lines]))


def _verdict(texts: Texts, photo: Reference) -> Markup:
    """The text of a verdict, with hints for a better photo; for a photo of several people, the request to choose
    one."""
    if photo.boxes:
        return texts("photo-verdict-choose-person", count=len(photo.boxes))
    verdict = texts(verdict_key(photo.state, photo.verdict), limit=REFERENCES_MAX)
    hints = [texts(f"photo-hint-{hint.replace('_', '-')}") for hint in (photo.hints or "").split()[:HINTS_MAX]]
    return Markup(" ".join([verdict, *hints]))
