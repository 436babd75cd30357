"""Answers with verdicts on photos that are still to be sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.db import references, users, workers
from bot.db.references import Group
from bot.db.session import Sessions
from bot.db.tables import Reference
from bot.domain import OTHER_PERSON


@dataclass(frozen=True)
class Answer:
    """The answer about one album or photo: its photos in order, and the language of the sender."""

    group: Group
    language: str
    photos: Sequence[Reference]
    image_prompts: bool = False
    """Whether a photo can be used as an image prompt instead."""

    @property
    def choices(self) -> Sequence[Reference]:
        """Photos of several people, to be sent back for one to be chosen; images loaded."""
        return [photo for photo in self.photos if photo.boxes and photo.answered_at is None]

    @property
    def of_others(self) -> Sequence[Reference]:
        """Photos of another person than the earlier ones show, about which the user is to be asked."""
        return [photo for photo in self.photos if photo.verdict == OTHER_PERSON and photo.answered_at is None]

    @property
    def is_pose(self) -> bool:
        """Whether the answer is about a pose photo, which has no album."""
        return any(photo.for_pose for photo in self.photos)

    @property
    def message_id(self) -> int | None:
        """The "looking at it" message to turn into the answer."""
        return max((photo.answer_message_id for photo in self.photos if photo.answer_message_id), default=None)


@dataclass(frozen=True)
class ReadAnswers:
    """Returns the answers that are due; call `settle` for each one that was sent.

    `is_arriving(chat_id, album_id)`: whether a message of the album is not handled yet, so that its answer is not due.
    """

    sessions: Sessions
    is_arriving: Callable[[int, str], bool]
    alive_s: float

    async def __call__(self) -> list[Answer]:
        async with self.sessions.begin() as session:
            await references.forget_refused(session)
            answers, offered = [], await workers.all_read_image_prompts(session, self.alive_s)
            for group in await references.answerable(session):
                if group.album_id is not None and self.is_arriving(group.chat_id, group.album_id):
                    continue
                user = await users.get(session, group.user_id)
                photos = await references.members(session, group)
                for photo in photos:
                    if photo.boxes and photo.answered_at is None:
                        await session.refresh(photo, ["image"])
                if user is not None and photos:
                    answers.append(Answer(group, user.language, photos, offered))
        return answers

    async def settle(self, answer: Answer, message_id: int | None) -> None:
        """Note that message `message_id` has the answer; `None`: the user cannot be reached, and there is no further
        attempt."""
        async with self.sessions.begin() as session:
            await references.mark_answered(session, [photo.id for photo in answer.photos], message_id)
            if message_id is None:
                await users.set_blocked(session, answer.group.user_id, blocked=True)
