"""/admin key, keys and revoke: keys are made, shown once, listed and revoked, by admins alone."""

from __future__ import annotations

import re

from sqlalchemy import select

from bot.admin_acts import Act
from bot.db import audit
from bot.db.app_tables import ApiKey, App
from bot.domain import CONSENT_VERSION
from bot.telegram.admin_callbacks import AccountAction, AccountCallback, DeskAction, DeskCallback
from bot.telegram.admin_views import PageSpan, audit_log
from bot.telegram.handlers.api_keys import KEYS_SHOWN
from bot.translator import Translator
from bot.usecases.admin.service import ReadAudit
from bot.usecases.apps import Authenticate
from bot.usecases.end_users import AgreeForEndUser


async def create_key(chat, text: str) -> str:
    """The key in the answer to an admin's message."""
    await chat.boss.send_text(text)
    answer = await chat.boss.wait_for(lambda message: "whsec_" in message.text)
    assert not answer.protected, "the key has to be copied"
    return re.search(r"bolid_[0-9a-f]{8}_[\w-]+", answer.text)[0]


async def test_a_key_is_made_shown_once_listed_and_revoked(chat, says):
    key = await create_key(chat, "/admin key photo.booth")
    authenticate = Authenticate(chat.sessions)
    client = await authenticate(key)
    assert (client.app_name, client.owner_id, client.per_minute) == ("photo.booth", chat.boss.user_id, 60)
    assert client.scopes == {"read", "draw", "people"}

    await chat.boss.send_text("/admin keys")
    listed = await chat.boss.wait_for(says("API keys", "photo.booth", client.key_id))
    assert key not in listed.text

    await chat.boss.send_text(f"/admin revoke {client.key_id}")
    await chat.boss.wait_for(says(client.key_id, "revoked"))
    assert await authenticate(key) is None
    await chat.boss.send_text(f"/admin revoke {client.key_id}")
    await chat.boss.wait_for(says("no key", client.key_id))

    entries, _ = await ReadAudit(chat.sessions)(0, 10)
    assert [(entry.act, entry.admin_id, entry.user_id, entry.subject) for entry in entries] == [
        (act, chat.boss.user_id, chat.boss.user_id, client.key_id) for act in (Act.REVOKE_KEY, Act.MAKE_KEY)
    ]
    async with chat.sessions.begin() as session:
        await audit.note_of_app(session, client.key_id, Act.APP_DELETE_USER)
    entries, _ = await ReadAudit(chat.sessions)(0, 1)
    for language, words in (("en", "API key {} · deleted an end user"), ("ru", "ключ API {} · удалил пользователя")):
        text = audit_log(Translator().of(language), entries, PageSpan(0, 1), {}).text
        assert words.format(client.key_id) in re.sub("[\u2068\u2069]", "", text)


async def test_the_service_page_leads_to_the_page_of_the_command(chat, says):
    await chat.boss.send_text("/admin")
    await chat.boss.wait_for(says("Administration"))
    await chat.boss.press("Service")
    service_page = await chat.boss.wait_for(says("Service: works"))
    assert len(service_page.button_texts) == 6
    await chat.boss.press("API keys")
    empty = await chat.boss.wait_for(says("API keys, 0", "nothing here", "/admin key NAME"))
    assert (empty.id, empty.button_texts) == (service_page.id, ["← Back"])
    for number in range(KEYS_SHOWN + 1):
        await create_key(chat, f"/admin key app-{number}")
    await chat.boss.send_text("/admin keys")
    listed = await chat.boss.wait_for(says("API keys, 1-5 of 6", "app-0", "app-4"))
    await chat.boss.press("›", message_id=listed.id)
    await chat.boss.wait_for(says("API keys, 6-6 of 6", "app-5"))
    await chat.boss.press("‹", message_id=listed.id)
    again = await chat.boss.wait_for(says("API keys, 1-5 of 6"))
    assert (again.id, again.text) == (listed.id, listed.text)
    await chat.boss.press("Back", message_id=listed.id)
    await chat.boss.wait_for(says("Service: works"))


async def test_a_key_can_be_forwarded(chat, says):
    await chat.boss.send_text("/admin key app")
    answer = await chat.boss.wait_for(says("whsec_"))
    forwarded = await chat.boss.forward(answer.id)
    assert forwarded.text == answer.text


async def test_end_users_have_their_names_wherever_admins_see_them(chat, says):
    key = await create_key(chat, "/admin key photo.booth")
    client = await Authenticate(chat.sessions)(key)
    agree = AgreeForEndUser(chat.sessions)
    user, _ = await agree(client, "client-42", CONSENT_VERSION, "ru")
    await agree(client, "b1946ac9-2492-4b1d-9f0a-1c3e5d7f9a2b", CONSENT_VERSION, "ru")
    await chat.boss.send_text("/admin")
    await chat.boss.wait_for(says("Administration"))
    await chat.boss.press("Users")
    await chat.boss.wait_for(says("Users: 3"))
    await chat.boss.press("Latest")
    latest = await chat.boss.wait_for(
        says("client-42 of photo.booth, last request", f"{chat.boss.user_id}, last message")
    )
    assert {"client-42", "b1946ac9-24…"} <= set(latest.button_texts)
    await chat.boss.press("client-42")
    page = await chat.boss.wait_for(says("End user client-42 of the app photo.booth", "Language: ru", "Photos: 0"))
    assert f"Owner of the app: {chat.boss.user_id}" in page.text
    assert page.button_texts == ["🖼 Requests", "🚦 Access", "← Back"], "the owner has the credits"
    await chat.boss.press("Requests")
    await chat.boss.wait_for(says("Requests of user photo.booth: client-42"))
    await chat.press(chat.boss, AccountCallback(action=AccountAction.RULES, user_id=user.id))
    rules = await chat.boss.wait_for(says("Access of the end user photo.booth: client-42"))
    assert rules.button_texts == ["⛔ Ban", "🔢 Daily limit", "← Back"]
    await chat.boss.press("Daily limit")
    question = await chat.boss.wait_for(says("for user photo.booth: client-42"))
    await chat.boss.send_text("7", reply_to=question.id)
    await chat.boss.wait_for(says("Daily limit of user photo.booth: client-42", "7 pictures a day"))
    await chat.boss.press("Ban")
    await chat.boss.wait_for(says("banned since"))
    await chat.press(chat.boss, DeskCallback(action=DeskAction.BANNED))
    await chat.boss.wait_for(says("photo.booth: client-42, since"))
    await chat.press(chat.boss, DeskCallback(action=DeskAction.AUDIT))
    await chat.boss.wait_for(says("banned · photo.booth: client-42"))
    assert str(user.id) not in "".join(await chat.texts_to(chat.boss))


async def test_scopes_rate_and_owner_can_be_given(chat, says):
    await chat.anna.send_text("/start")
    await chat.anna.wait_for(lambda message: bool(message.buttons))
    key = await create_key(chat, f"/admin key app read,draw 10/min owner={chat.anna.user_id}")
    client = await Authenticate(chat.sessions)(key)
    assert (client.owner_id, client.per_minute, client.scopes) == (chat.anna.user_id, 10, {"read", "draw"})
    await create_key(chat, f"/admin key app owner={chat.anna.user_id}")
    async with chat.sessions() as session:
        assert len(list(await session.scalars(select(App)))) == 1
        assert len(list(await session.scalars(select(ApiKey)))) == 2


async def test_a_mistake_is_answered_with_the_usage(chat, says):
    for text in ("/admin key", "/admin key app reed", "/admin key ä", "/admin key app 9999/min", "/admin revoke x"):
        await chat.boss.send_text(text)
        await chat.settled()
        assert "/admin key NAME" in (await chat.texts_to(chat.boss))[-1], text
    await chat.boss.send_text("/admin key app owner=424242")
    await chat.boss.wait_for(says("no user 424242"))
    async with chat.sessions() as session:
        assert list(await session.scalars(select(ApiKey))) == []


async def test_others_have_no_such_command(chat, says):
    await chat.ben.send_text("/admin key app")
    await chat.ben.wait_for(says("/help"))
    async with chat.sessions() as session:
        assert list(await session.scalars(select(ApiKey))) == []
