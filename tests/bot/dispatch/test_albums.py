"""Variations: one status message, one album, one message with a number for each picture."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update

from bot.db import job_states, results
from bot.db.tables import Job
from bot.domain import JobState
from bot.usecases.results import NoteMessage, RemovePicture


class Variations:
    """Three jobs of one album, in the order in which the album has them."""

    def __init__(self, stage: Any, rows: Any, ids: list[UUID], request_id: int) -> None:
        self.stage, self.rows, self.ids, self.request_id = stage, rows, ids, request_id

    async def change(self, number: int, **facts: Any) -> None:
        await self.rows.change(self.ids[number], **facts)

    async def finish(self, picture: Any, *numbers: int) -> None:
        for number in numbers:
            await self.change(number, state=JobState.DONE, result=picture(("teal", "red", "gold")[number]))

    async def states(self) -> list[tuple[str, bool]]:
        """State, and whether it is closed."""
        jobs = [await self.rows.get(job_id) for job_id in self.ids]
        return [(job.state, job.closed_at is not None) for job in jobs]

    async def photos(self) -> list[Any]:
        return [message for message in await self.stage.said() if message.photo]


@pytest.fixture
async def variations(stage: Any, rows: Any, ben: int) -> Variations:
    request = await stage.person.send_text("a picture to vary")
    album_id = uuid4()
    ids = sorted([await rows.job(ben, album_id=album_id, request_message_id=request.id) for _ in range(3)])
    async with stage.sessions.begin() as session:  # one press submits them in one transaction
        first = await session.get_one(Job, ids[0])
        await session.execute(update(Job).values(created_at=first.created_at))
    return Variations(stage, rows, ids, request.id)


async def test_variations_have_one_status_message_and_come_as_one_album(
    stage: Any, variations: Variations, picture: Any
) -> None:
    await stage.step()
    status = await stage.only()
    assert "next" in status.text and status.button_texts == ["✖️ Cancel"]
    await variations.finish(picture, 1)
    await variations.change(0, state=JobState.RUNNING, step=2, steps=4)
    await stage.step(later_s=5)
    assert "1 of 3 ready" in (await stage.only()).text and "▰▰▰▰▰▰▱▱▱▱▱▱" in (await stage.only()).text
    await variations.finish(picture, 0, 2)
    await stage.step(later_s=5)
    *album, numbers = await stage.said()
    assert len(album) == 3 and all(message.photo for message in album)
    assert len({message.media_group_id for message in album}) == 1
    assert len({message.photo.url for message in album}) == 3
    assert "seed 7, 7, 7" in album[0].text and [message.text for message in album[1:]] == ["", ""]
    assert {message.reply_to for message in (*album, numbers)} == {variations.request_id}
    assert "3 variations" in numbers.text and numbers.button_texts == ["#1", "#2", "#3"]
    assert await variations.states() == [(JobState.DELIVERED, True)] * 3
    assert await stage.count("sendMediaGroup") == 1
    message_ids = [(await variations.rows.get(job_id)).shown_message_ids for job_id in variations.ids]
    assert message_ids == [[message.id] for message in album], "each picture can be taken back"


async def test_a_picture_of_an_album_is_deleted_with_its_message_and_its_opened_ones(
    stage: Any, variations: Variations, picture: Any, ben: int
) -> None:
    await variations.finish(picture, 0, 1, 2)
    await stage.step()
    *album, _ = await stage.said()
    assert len(album) == 3, "the status message is gone, though it was sent in this step"
    note, remove = NoteMessage(stage.sessions), RemovePicture(stage.sessions)
    for number in (0, 1):
        for opened in (900, 901):
            await note(variations.ids[number], result_message_id=opened + number)
        messages = [(ben, message_id) for message_id in (album[number].id, 900 + number, 901 + number)]
        assert await remove(ben, variations.ids[number]) == messages, "not the message with the numbers"
    assert await remove(ben, variations.ids[2]) == [(ben, album[2].id)]


async def test_the_messages_of_an_album_are_kept_when_the_database_was_away_after_it_was_sent(
    stage: Any, variations: Variations, picture: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await variations.finish(picture, 0, 1, 2)

    async def fail(*_: object) -> None:
        raise ConnectionRefusedError("no database")

    with monkeypatch.context() as outage:
        outage.setattr(job_states, "deliver", fail)
        await stage.step()
    assert await variations.states() == [(JobState.DONE, False)] * 3
    await stage.step(later_s=10)
    *album, numbers = await stage.said()
    message_ids = [(await variations.rows.get(job_id)).shown_message_ids for job_id in variations.ids]
    assert message_ids == [[message.id] for message in album]
    assert "3 variations" in numbers.text and await stage.count("sendMediaGroup") == 1


@pytest.mark.parametrize("kind", ["flood", "drop", "server_error"])
@pytest.mark.parametrize("method", ["editMessageMedia", "deleteMessage", "sendMessage"])
async def test_an_album_survives_a_bad_network_and_comes_once(
    stage: Any, variations: Variations, picture: Any, method: str, kind: Any
) -> None:
    await stage.step()
    await variations.finish(picture, 0, 1, 2)
    await stage.control.fail_next(method, kind=kind, times=2)
    for _ in range(4):
        await stage.step(later_s=10)
    assert len(await variations.photos()) == 3
    assert len([message for message in await stage.said() if message.button_texts]) == 1
    assert await variations.states() == [(JobState.DELIVERED, True)] * 3


@pytest.mark.parametrize("kind", ["flood", "server_error"])
async def test_an_album_that_was_certainly_not_sent_is_sent_later(
    stage: Any, variations: Variations, picture: Any, kind: Any
) -> None:
    await variations.finish(picture, 0, 1, 2)
    await stage.control.fail_next("sendMediaGroup", kind=kind, retry_after=7)
    await stage.step()
    assert await variations.states() == [(JobState.DONE, False)] * 3
    await stage.step(later_s=10)
    *album, numbers = await stage.said()
    assert len(album) == 3 and "Telegram has not confirmed" not in numbers.text


@pytest.mark.parametrize(("kind", "photos"), [("drop_after", 3), ("drop", 0)])
async def test_an_album_whose_arrival_is_unknown_is_not_repeated_and_stays_within_reach(
    stage: Any, variations: Variations, picture: Any, kind: Any, photos: int
) -> None:
    await variations.finish(picture, 0, 1, 2)
    await stage.control.fail_next("sendMediaGroup", kind=kind)
    await stage.step()
    stage.restart()
    for _ in range(3):
        await stage.step(later_s=10)
    assert len(await variations.photos()) == photos
    numbers = (await stage.said())[-1]
    assert "Telegram has not confirmed" in numbers.text and len(numbers.button_texts) == 3
    assert await variations.states() == [(JobState.DELIVERED, True)] * 3
    assert all([(await variations.rows.get(job_id)).result_file_id for job_id in variations.ids])


@pytest.mark.parametrize("moment", ["note_upload", "note_album"])
async def test_a_bot_killed_around_the_album_sends_it_once(
    stage: Any, variations: Variations, picture: Any, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    await stage.step()
    await variations.finish(picture, 0, 1, 2)

    async def killed(*_: object, **__: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as death:
        death.setattr(results, moment, killed)
        await stage.step()
    stage.restart()
    for _ in range(2):
        await stage.step(later_s=10)
    assert len(await variations.photos()) == 3
    assert await stage.count("sendMediaGroup") == 1
    assert await variations.states() == [(JobState.DELIVERED, True)] * 3


async def test_of_an_album_with_failures_the_pictures_come(stage: Any, variations: Variations, picture: Any) -> None:
    await stage.step()
    await variations.finish(picture, 0, 2)
    await variations.change(1, state=JobState.FAILED, failure="internal")
    await stage.step(later_s=5)
    *album, numbers = await stage.said()
    assert len(album) == 2 and len(numbers.button_texts) == 2
    assert [closed for _, closed in await variations.states()] == [True] * 3


async def test_one_picture_of_an_album_comes_as_any_other(stage: Any, variations: Variations, picture: Any) -> None:
    await stage.step()
    await variations.finish(picture, 2)
    for number in (0, 1):
        await variations.change(number, state=JobState.CANCELLED)
    await stage.step(later_s=5)
    message = await stage.only()
    assert message.photo is not None and len(message.button_texts) == 6
    assert variations.ids[2].hex in message.button("Again").data
    assert [closed for _, closed in await variations.states()] == [True] * 3


@pytest.mark.parametrize(
    ("state", "says"), [(JobState.FAILED, "Something went wrong"), (JobState.CANCELLED, "Cancelled")]
)
async def test_an_album_without_a_picture_says_so_once(
    stage: Any, variations: Variations, state: JobState, says: str
) -> None:
    await stage.step()
    for number in range(3):
        await variations.change(number, state=state, failure="internal" if state == JobState.FAILED else None)
    for _ in range(2):
        await stage.step(later_s=5)
    assert says in (await stage.only()).text
    assert await variations.states() == [(state, True)] * 3


async def test_a_picture_of_an_album_that_telegram_never_takes_costs_only_itself(
    stage: Any, variations: Variations, picture: Any
) -> None:
    await variations.finish(picture, 0, 1)
    await variations.change(2, state=JobState.DONE, result=b"this is no picture")
    for _ in range(3):
        await stage.step(later_s=60)
    assert len(await variations.photos()) == 2
    assert await variations.states() == [(JobState.DELIVERED, True)] * 2 + [(JobState.FAILED, True)]
