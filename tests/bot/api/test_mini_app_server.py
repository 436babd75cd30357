"""The Mini App's server: only requests signed by Telegram are answered, and users get only their own pictures."""

from __future__ import annotations

import asyncio
import io
import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from aiogram.types import BufferedInputFile
from PIL import Image
from sqlalchemy import func, update
from sqlalchemy.orm import undefer

from bot.api import mini_app
from bot.api.start import DECODINGS_AT_ONCE, DOWNLOADS_AT_ONCE
from bot.db.person_tables import Person as PersonRow
from bot.db.tables import Job, User
from bot.domain import CONSENT_VERSION, JobState
from bot.local.botapi import ANNA_ID, GROUP_ID, ApiControl, Person

Sign = Callable[..., str]


async def get(world: Any, path: str, data: str, method: str = "GET", body: Any = None) -> tuple[int, Any]:
    headers = {"Authorization": f"tma {data}"}
    async with world.http.request(method, f"{world.url}/app/api/{path}", headers=headers, json=body) as answer:
        is_json = "json" in answer.headers.get("Content-Type", "")
        return answer.status, await answer.json(content_type=None) if is_json else await answer.read()


def png() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (640, 960), "teal").save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
async def server(open_mini_app: Any, rows: Any) -> Any:
    """Users 11 and 12, each with a photo and a delivered picture."""
    world = await open_mini_app()
    for user_id in (11, 12):
        await rows.user(user_id)
        picture = {"state": JobState.DELIVERED, "result": png(), "result_file_id": f"file-{user_id}"}
        world.shown[user_id] = await rows.job(user_id, closed_at=func.now(), prompt=f"of {user_id}", **picture)
    async with world.sessions.begin() as session:
        await session.execute(update(User).values(consent_version=CONSENT_VERSION))
    return world


async def test_a_user_sees_their_own_pictures_and_photos(server: Any, init_data: Sign) -> None:
    status, page = await get(server, "pictures", init_data(11))
    assert (status, [item["prompt"] for item in page["items"]], page["next"]) == (200, ["of 11"], None)
    status, small = await get(server, f"pictures/{server.shown[11]}/image?small=true", init_data(11))
    with Image.open(io.BytesIO(small)) as picture:
        assert (status, picture.format, picture.width) == (200, "WEBP", 360)
    assert (await get(server, f"pictures/{server.shown[11]}/image", init_data(11)))[1] == png()
    _, photos = await get(server, "photos", init_data(11))
    assert [photo["is_accepted"] for photo in photos] == [True]


async def test_nothing_of_another_user_is_within_reach(server: Any, init_data: Sign) -> None:
    _, photos = await get(server, "photos", init_data(12))
    for method, path, body in (
        ("GET", f"pictures/{server.shown[12]}/image", None),
        ("GET", f"pictures/{server.shown[12]}/image?small=true", None),
        ("PUT", f"pictures/{server.shown[12]}/favourite", {"favourite": True}),
        ("GET", f"photos/{photos[0]['id']}/image", None),
        ("DELETE", f"pictures/{server.shown[12]}", None),
    ):
        status, problem = await get(server, path, init_data(11), method, body)
        assert (status, problem["status"]) == (404, 404), path
    assert (await get(server, f"photos/{photos[0]['id']}", init_data(11), "DELETE"))[0] == 204
    assert len((await get(server, "photos", init_data(12)))[1]) == 1


async def test_what_telegram_has_not_signed_is_refused(server: Any, init_data: Sign) -> None:
    other = json.dumps({"id": 12, "first_name": "Ann"})
    forged = {
        "none": "",
        "another bot's": init_data(11, token="7000000002:another"),
        "another user's id": init_data(11, user=other),
        "without a hash": init_data(11).partition("&hash")[0],
        "a wrong hash": init_data(11, hash="0" * 64),
        "nonsense": "a=b&c",
    }
    for name, data in forged.items():
        status, problem = await get(server, "pictures", data)
        assert (status, problem["type"]) == (401, "urn:bolid:problem:no-init-data"), name
    for age_s in (2 * 86_400, -3600):
        status, problem = await get(server, "pictures", init_data(11, age_s=age_s))
        assert (status, problem["type"]) == (401, "urn:bolid:problem:old-init-data")
    async with server.http.get(f"{server.url}/app/api/pictures", headers={"Authorization": init_data(11)}) as answer:
        assert answer.status == 401


async def test_a_stranger_or_one_without_consent_is_sent_to_the_chat(server: Any, init_data: Sign) -> None:
    async with server.sessions.begin() as session:
        await session.execute(update(User).where(User.id == 12).values(consent_version=None))
    for user_id in (12, 999):
        status, problem = await get(server, "home", init_data(user_id, language="ru"))
        assert (status, problem["type"]) == (403, "urn:bolid:problem:start-first")
    assert "/start" in problem["title"] and "Сначала" in problem["title"]


async def test_a_style_and_a_favourite_are_those_of_the_chat(server: Any, init_data: Sign) -> None:
    status, home = await get(server, "home", init_data(11))
    assert (status, home["style"]) == (200, "none")
    assert home["styles"][2]["title"] == "Black & white"
    assert (await get(server, "style", init_data(11), "PUT", {"name": "film"}))[0] == 204
    assert (await get(server, "style", init_data(11), "PUT", {"name": "unheard"}))[0] == 409
    assert (await get(server, "home", init_data(11)))[1]["style"] == "film"
    path = f"pictures/{server.shown[11]}/favourite"
    assert (await get(server, path, init_data(11), "PUT", {"favourite": True}))[0] == 204
    assert len((await get(server, "pictures?favourites=true", init_data(11)))[1]["items"]) == 1
    assert (await get(server, "pictures?favourites=true", init_data(12)))[1]["items"] == []


async def test_a_picture_whose_png_is_gone_comes_from_telegram_or_is_gone(
    server: Any, init_data: Sign, rows: Any
) -> None:
    await rows.change(server.shown[11], result=None)
    status, problem = await get(server, f"pictures/{server.shown[11]}/image", init_data(11))
    assert (status, problem["type"]) == (410, "urn:bolid:problem:picture-gone")


async def test_a_deleted_picture_is_gone_with_its_message(server: Any, init_data: Sign, rows: Any) -> None:
    path = f"pictures/{server.shown[11]}"
    async with ApiControl(server.telegram) as control, Person(server.telegram, 11) as ann:
        await control.add_user(11, "Ann")
        await ann.send_text("hello")
        sent = await server.services.mini_app.bot.send_photo(11, BufferedInputFile(png(), "picture.png"))
        await rows.change(server.shown[11], result_message_id=sent.message_id)
        assert (await get(server, path, init_data(11), "DELETE"))[0] == 204
        assert [message.id for message in await ann.transcript() if message.from_bot] == []
    assert (await get(server, "pictures", init_data(11)))[1]["items"] == []
    assert (await get(server, path, init_data(11), "DELETE"))[0] == 204, "it may be repeated"
    assert (await get(server, f"{path}/image", init_data(11)))[0] == 404
    async with server.sessions() as session:
        job = await session.get(Job, server.shown[11], options=[undefer(Job.result)])
        assert (job.prompt, job.result, job.result_file_id) == ("", None, None)


async def test_a_deleted_picture_goes_from_the_group_it_was_posted_in(server: Any, init_data: Sign, rows: Any) -> None:
    """While Telegram is away the answer says so, and the same request again deletes the message too."""
    path, bot = f"pictures/{server.shown[11]}", server.services.mini_app.bot
    async with ApiControl(server.telegram) as control, Person(server.telegram, ANNA_ID, chat_id=GROUP_ID) as anna:
        sent = await bot.send_photo(GROUP_ID, BufferedInputFile(png(), "picture.png"))
        await rows.change(server.shown[11], chat_id=GROUP_ID, result_message_id=sent.message_id)
        await control.fail_next("deleteMessage", kind="flood", retry_after=9)
        status, problem = await get(server, path, init_data(11), "DELETE")
        assert (status, problem["type"]) == (503, "urn:bolid:problem:unavailable")
        assert (await get(server, "pictures", init_data(11)))[1]["items"] == []
        assert (await get(server, path, init_data(11), "DELETE"))[0] == 204
        assert sent.message_id not in [message.id for message in await anna.transcript()]


async def test_the_message_below_an_album_stays_for_its_other_pictures(server: Any, init_data: Sign, rows: Any) -> None:
    album, now = uuid4(), datetime.now(UTC)
    first, second = [await rows.job(11, state=JobState.DELIVERED, album_id=album, album_sent_at=now) for _ in range(2)]
    async with ApiControl(server.telegram) as control, Person(server.telegram, 11) as ann:
        await control.add_user(11, "Ann")
        await ann.send_text("hello")
        sent = [(await server.services.mini_app.bot.send_message(11, text)).message_id for text in ("1 2", "opened")]
        for job_id, message_id in zip((first, second), sent, strict=True):
            await rows.change(job_id, result_message_id=message_id)
            assert (await get(server, f"pictures/{job_id}", init_data(11), "DELETE"))[0] == 204
        assert [message.text for message in await ann.transcript() if message.from_bot] == ["1 2"]


async def test_a_picture_in_progress_is_not_deleted(server: Any, init_data: Sign, rows: Any) -> None:
    await rows.change(server.shown[11], state=JobState.RUNNING)
    status, problem = await get(server, f"pictures/{server.shown[11]}", init_data(11), "DELETE")
    assert (status, problem["type"]) == (409, "urn:bolid:problem:in-progress")


async def test_pictures_are_filtered_by_person(server: Any, init_data: Sign, rows: Any) -> None:
    """The filter returns pictures of the person, alone or as the second one, and none of other users' people."""
    ids = [uuid4(), uuid4()]
    async with server.sessions.begin() as session:
        now = datetime.now(UTC)
        session.add_all(
            PersonRow(id=person_id, user_id=11, name=name, chosen_at=now, created_at=now + timedelta(seconds=number))
            for number, (person_id, name) in enumerate(zip(ids, (None, "Boris & Co"), strict=True))
        )
    other = await rows.job(11, state=JobState.DELIVERED, result_file_id="x", person_id=ids[1], prompt="Boris")
    await rows.change(server.shown[11], person_id=ids[0], companion_id=ids[1])
    _, home = await get(server, "home", init_data(11))
    assert home["people"] == [{"id": str(ids[0]), "name": "You"}, {"id": str(ids[1]), "name": "Boris & Co"}]

    async def picture_ids(query: str, user_id: int = 11) -> set[str]:
        _, page = await get(server, f"pictures?{query}", init_data(user_id))
        return {item["id"] for item in page["items"]}

    assert await picture_ids("") == {str(other), str(server.shown[11])}
    assert await picture_ids(f"person={ids[0]}") == {str(server.shown[11])}
    assert await picture_ids(f"person={ids[1]}") == {str(other), str(server.shown[11])}
    assert await picture_ids(f"person={ids[1]}", 12) == set()


async def test_few_pictures_are_made_small_and_fetched_at_once(
    server: Any, init_data: Sign, rows: Any, monkeypatch: pytest.MonkeyPatch, eventually: Any
) -> None:
    busy = {"decoding": 0, "download": 0}
    downloads_go_on, decodings_go_on = asyncio.Event(), threading.Event()

    def shrink(content: bytes) -> bytes:
        busy["decoding"] += 1
        assert decodings_go_on.wait(60)
        return content

    async def download(file_id: str, destination: Any) -> None:
        busy["download"] += 1
        await downloads_go_on.wait()
        destination.write(png())

    monkeypatch.setattr(mini_app, "_small", shrink)
    monkeypatch.setattr(server.services.mini_app.bot, "download", download)
    await rows.change(server.shown[11], result=None)
    path, count = f"pictures/{server.shown[11]}/image?small=true", DOWNLOADS_AT_ONCE + 4
    asking = [asyncio.create_task(get(server, path, init_data(11))) for _ in range(count)]
    for what, limit, event in (
        ("download", DOWNLOADS_AT_ONCE, downloads_go_on),
        ("decoding", DECODINGS_AT_ONCE, decodings_go_on),
    ):
        await eventually(lambda what=what, limit=limit: busy[what] >= limit)
        await asyncio.sleep(0.5)  # one more would be here by now
        assert busy[what] == limit
        event.set()
    assert {status for status, _ in await asyncio.gather(*asking)} == {200}
    assert busy == {"decoding": count, "download": count}


async def test_while_telegram_is_away_a_picture_is_not_gone(server: Any, init_data: Sign, rows: Any) -> None:
    await rows.change(server.shown[11], result=None)
    async with ApiControl(server.telegram) as control:
        await control.fail_next("getFile", kind="flood", retry_after=9)
        status, problem = await get(server, f"pictures/{server.shown[11]}/image", init_data(11))
    assert (status, problem["type"]) == (503, "urn:bolid:problem:unavailable")


async def test_pictures_come_by_pages(server: Any, init_data: Sign, rows: Any) -> None:
    async with server.sessions.begin() as session:
        for number in range(3):
            session.add(
                Job(
                    idempotency_key=str(number), user_id=11, chat_id=11, reference_ids=[], prompt=str(number), seed=1,
                    style="none", state=JobState.DELIVERED, result_file_id="x",
                )
            )  # fmt: skip
            await session.flush()
    _, first = await get(server, "pictures?limit=3", init_data(11))
    _, second = await get(server, f"pictures?limit=3&cursor={first['next']}", init_data(11))
    assert (len(first["items"]), len(second["items"]), second["next"]) == (3, 1, None)


async def test_the_page_is_served_and_may_load_nothing_from_elsewhere(server: Any) -> None:
    async with server.http.get(f"{server.url}/app/") as answer:
        text = await answer.text()
        assert answer.status == 200 and "app.js" in text
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    for path in ("/app/../mini_app.py", "/app/%2e%2e/mini_app.py", "/app/api/nothing"):
        async with server.http.get(aiohttp.client.URL(f"{server.url}{path}", encoded=True)) as answer:
            assert answer.status == 404


async def test_without_a_bot_there_is_no_mini_app(world: Any, init_data: Sign) -> None:
    assert (await get(world, "home", init_data(11)))[0] == 404
