from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from aiogram import Bot
from aiogram.exceptions import TelegramNotFound, TelegramUnauthorizedError
from aiogram.methods import SendDice

from bot.local.botapi import ANNA_ID, LocalBotAPI, Person


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_parameters_come_by_form_or_json(api: LocalBotAPI, anna: Person, http: aiohttp.ClientSession) -> None:
    url = f"{api.url}/bot{api.token}/SENDmessage"
    markup = {"inline_keyboard": [[{"text": "Go", "callback_data": "go"}]]}
    fields = {"chat_id": str(ANNA_ID), "text": "hi", "reply_markup": json.dumps(markup)}
    requests = (
        http.post(url, data=fields),
        http.post(url, json={"chat_id": ANNA_ID, "text": "hi", "reply_markup": markup}),
    )
    for request in requests:
        async with request as response:
            answer = await response.json()
            assert answer["ok"] and answer["result"]["reply_markup"] == markup


@pytest.mark.parametrize("method", ["sendMessage", "deleteMessage", "getUpdates", "deleteWebhook"])
async def test_a_get_changes_nothing(api: LocalBotAPI, anna: Person, http: aiohttp.ClientSession, method: str) -> None:
    """An image of any web page makes a GET, without an Origin header."""
    before = await anna.transcript()
    fields = {"chat_id": str(ANNA_ID), "text": "hi", "message_id": "1", "offset": "2147483647"}
    async with http.get(f"{api.url}/bot{api.token}/{method}", params=fields) as response:
        answer = await response.json()
        assert (response.status, answer["ok"]) == (405, False)
        assert "POST" in answer["description"]
    assert await anna.transcript() == before


async def test_a_get_may_read(api: LocalBotAPI, http: aiohttp.ClientSession) -> None:
    async with http.get(f"{api.url}/bot{api.token}/getMe") as response:
        assert (await response.json())["result"]["is_bot"]


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_requests_of_other_sites_are_refused(
    api: LocalBotAPI, anna: Person, http: aiohttp.ClientSession, site: str
) -> None:
    headers = {"Sec-Fetch-Site": site}
    for path in (f"/bot{api.token}/getMe", "/client/state", "/page/chat.js"):
        async with http.get(f"{api.url}{path}", headers=headers) as response:
            assert response.status == 403
    async with http.post(f"{api.url}/bot{api.token}/sendMessage", headers=headers) as response:
        assert response.status == 403
    async with http.get(f"{api.url}/", headers=headers) as response:
        assert response.status == 200, "a link to the chat page leads there"


async def test_a_wrong_token_is_unauthorised(api: LocalBotAPI, connect_bot: Callable[..., Bot]) -> None:
    bot = connect_bot(api, "7000000001:someone-else")
    with pytest.raises(TelegramUnauthorizedError, match="Unauthorized"):
        await bot.get_me()
    await bot.session.close()


async def test_an_unknown_method_is_not_found(bot: Bot, anna: Person) -> None:
    with pytest.raises(TelegramNotFound, match="Not Found"):
        await bot(SendDice(chat_id=ANNA_ID))


@pytest.mark.parametrize(
    ("fields", "description"),
    [
        ({"text": "x"}, "Bad Request: chat_id is empty"),
        ({"chat_id": str(ANNA_ID)}, "Bad Request: message text is empty"),
        ({"text": "x", "chat_id": "1" * 5000}, "Bad Request: chat not found"),
        (
            {"text": "x", "chat_id": str(ANNA_ID), "reply_markup": "{"},
            "Bad Request: can't parse reply_markup JSON object",
        ),
        ({"text": "x", "chat_id": str(ANNA_ID), "reply_markup": "[]"}, "Bad Request: object expected as reply markup"),
        (
            {"text": "x", "chat_id": str(ANNA_ID), "reply_markup": '{"inline_keyboard": [{}]}'},
            'Bad Request: field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays',
        ),
        (
            {"text": "x", "chat_id": str(ANNA_ID), "reply_markup": '{"inline_keyboard": [["a"]]}'},
            "Bad Request: can't parse inline keyboard button: InlineKeyboardButton must be an Object",
        ),
        ({"text": "x", "chat_id": str(ANNA_ID), "parse_mode": "Markdown"}, "Bad Request: unsupported parse_mode"),
        ({"text": "x", "chat_id": str(ANNA_ID), "entities": "[1]"}, "Bad Request: can't parse MessageEntity"),
        ({"text": "x", "chat_id": str(ANNA_ID), "reply_to_message_id": "one"}, "Bad Request: can't parse"),
    ],
)
async def test_malformed_parameters_are_bad_requests(
    api: LocalBotAPI, anna: Person, http: aiohttp.ClientSession, fields: dict[str, str], description: str
) -> None:
    async with http.post(f"{api.url}/bot{api.token}/sendMessage", data=fields) as response:
        answer = await response.json()
        assert response.status == 400
        assert (answer["ok"], answer["error_code"]) == (False, 400)
        assert answer["description"].startswith(description)


async def test_junk_is_answered_and_survived(
    api: LocalBotAPI, anna: Person, bot: Bot, http: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    send = f"/bot{api.token}/sendMessage"
    chat = f"/client/chats/{ANNA_ID}"
    as_json = {"Content-Type": "application/json"}
    lonely = {"chat_id": ANNA_ID, "text": "\ud800"}
    requests: list[tuple[str, dict[str, Any]]] = [
        (send, {"data": b"{", "headers": as_json}),
        (send, {"data": b"[" * 100_000, "headers": as_json}),
        (send, {"data": b"[]", "headers": as_json}),
        (send, {"data": json.dumps(lonely).encode(), "headers": as_json}),
        (send, {"data": b"\xff\xfe", "headers": {"Content-Type": "application/json; charset=nonsense"}}),
        (send, {"data": b"junk", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}),
        (send, {"data": b"junk", "headers": {"Content-Type": "multipart/form-data"}}),
        (send, {"data": b"%ff%fe=1", "headers": {"Content-Type": "application/x-www-form-urlencoded"}}),
        (f"{chat}/messages", {"data": b"{", "headers": as_json}),
        (f"{chat}/messages", {"json": {"user_id": ANNA_ID, "text": "x", "extra": 1}}),
        (f"{chat}/messages", {"data": json.dumps({"user_id": ANNA_ID, "text": "\ud800"}), "headers": as_json}),
        (f"{chat}/files", {"data": {"user_id": "x"}}),
        (f"{chat}/files", {"data": b"junk", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}),
        ("/client/chats/77/messages", {"json": {"user_id": ANNA_ID, "text": "x"}}),
        (f"{chat}/messages/999/press", {"json": {"user_id": ANNA_ID, "data": "x"}}),
        ("/nowhere", {}),
    ]
    for path, options in requests:
        async with http.post(api.url + path, **options) as response:
            assert 400 <= response.status < 500, (path, options, await response.text())
            assert await response.json()
    for path in (
        "/page/server.py",
        "/page/../server.py",
        "/client/files/none",
        f"/file/bot{api.token}/../x",
        f"/{'x' * 9000}",
    ):
        async with http.get(api.url + path) as response:
            assert response.status >= 400
    assert (await bot.get_me()).is_bot
    assert not [record for record in caplog.records if record.name.startswith("bot.local")]


async def test_other_web_sites_are_kept_out(api: LocalBotAPI, http: aiohttp.ClientSession) -> None:
    for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
        async with http.get(f"{api.url}/client/state", headers=headers) as response:
            assert response.status == 403
    async with http.get(f"{api.url}/client/state", headers={"Origin": api.url}) as response:
        assert response.status == 200
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]


async def test_a_sent_web_page_is_only_ever_saved(anna: Person, api: LocalBotAPI, http: aiohttp.ClientSession) -> None:
    sent = await anna.send_document(b"<script>alert(1)</script>", name='<b>"x.html')
    assert sent.document
    async with http.get(api.url + sent.document.url) as response:
        assert response.headers["Content-Disposition"].startswith("attachment")
        assert response.content_type == "application/octet-stream"
        assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_page_that_is_closed_leaves_no_error_in_the_log(
    api: LocalBotAPI, anna: Person, http: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    async with http.get(f"{api.url}/client/events") as events:
        await events.content.readline()
    for text in ("one", "two", "three"):
        await anna.send_text(text)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
