"""Unexpected input: help in private, silence in groups."""

from __future__ import annotations

import pytest
from aiogram.filters.callback_data import CallbackData

from bot.local.botapi import ANNA_ID, GROUP_ID, Person
from bot.telegram.admin_callbacks import AdminCallback

STRANGE = {
    "sticker": {
        "sticker": {
            "file_id": "s", "file_unique_id": "s", "type": "regular", "width": 9, "height": 9, "is_animated": False,
            "is_video": False,
        }
    },
    "voice": {"voice": {"file_id": "v", "file_unique_id": "v", "duration": 1}},
    "video": {"video": {"file_id": "v", "file_unique_id": "v", "width": 9, "height": 9, "duration": 1}},
    "location": {"location": {"latitude": 1.0, "longitude": 1.0}},
    "contact": {"contact": {"phone_number": "1", "first_name": "x"}},
    "poll": {
        "poll": {
            "id": "1", "question": "?", "options": [], "total_voter_count": 0, "is_closed": False,
            "is_anonymous": True, "type": "regular", "allows_multiple_answers": False, 
            "allows_revoting": False, "members_only": False,
        }
    },
    "dice": {"dice": {"emoji": "🎲", "value": 3}},
    "web app": {"web_app_data": {"data": "{}", "button_text": "open"}},
    "rich message": {"rich_message": {"blocks": []}},
    "shared users": {"users_shared": {"request_id": 1, "users": []}},
    "a kind of tomorrow": {"hologram": {"file_id": "h"}},
}  # fmt: skip


class ButtonOfThePast(CallbackData, prefix="gone"):
    x: int


async def test_messages_other_than_photos_and_prompts_get_help(chat, says):
    for kind, content in STRANGE.items():
        await chat.feed(chat.anna, **content)
        answer = await chat.anna.wait_for(says("Я понимаю только фото и текст"))
        assert "/help" in answer.text, kind


async def test_an_album_of_videos_is_answered_once(chat, says):
    for _ in range(3):
        await chat.feed(chat.anna, **STRANGE["video"], media_group_id="77")
    assert sum("Я понимаю только фото" in text for text in await chat.texts_to(chat.anna)) == 1


async def test_a_service_message_is_no_prompt(chat, says):
    await chat.feed(chat.anna, message_auto_delete_timer_changed={"message_auto_delete_time": 86400})
    assert not any("Я понимаю" in text for text in await chat.texts_to(chat.anna))


async def test_an_animation_is_refused_by_name(chat, says):
    await chat.grant(chat.anna)
    file = {"file_id": "g", "file_unique_id": "g"}
    await chat.feed(chat.anna, animation={**file, "width": 9, "height": 9, "duration": 1}, document=file)
    await chat.anna.wait_for(says("Это анимация"))


@pytest.mark.parametrize("command", ["/draw", "/admin", "/start_now", "/"])
async def test_an_unknown_command_gets_help_and_admin_is_unknown_to_others(chat, says, command):
    await chat.anna.send_text(command)
    answer = await chat.anna.wait_for(lambda message: True)
    assert answer.text == chat.texts()("unknown-command")


async def test_buttons_of_long_ago_are_answered(chat, says):
    await chat.anna.send_text("/help")
    await chat.anna.wait_for(says("/photos"))
    for data in (ButtonOfThePast(x=1), AdminCallback(days=1)):
        answer = await chat.press(chat.anna, data)
        assert (answer.answered, answer.text) == (True, chat.texts()("unknown-press"))


async def test_an_edited_message_is_not_drawn_and_the_user_gets_an_answer(chat, says):
    await chat.grant(chat.anna)
    sent = await chat.anna.send_text("в лесу")
    await chat.job(1)
    await chat.anna.edit_text(sent.id, "в горах")
    await chat.anna.wait_for(says("новым сообщением"))
    assert [job.prompt for job in await chat.jobs()] == ["в лесу"]


@pytest.mark.parametrize(
    "content",
    [
        {"photo": [{"file_id": "p", "file_unique_id": "p", "width": 9, "height": 9}], "caption": "в горах"},
        {"document": {"file_id": "d", "file_unique_id": "d"}, "caption": "в горах"},
        {"photo": [{"file_id": "p", "file_unique_id": "p", "width": 9, "height": 9}]},
        {"text": "/start"},
    ],
)
async def test_an_edited_caption_photo_or_command_is_answered_too(chat, says, content):
    await chat.grant(chat.anna)
    await chat.feed(chat.anna, "edited_message", **content)
    await chat.anna.wait_for(says("новым сообщением"))
    assert await chat.jobs() == []


async def test_the_updates_of_a_live_location_are_no_edits_of_prompts(chat, says):
    await chat.feed(chat.anna, "edited_message", location={"latitude": 1.0, "longitude": 1.0, "live_period": 60})
    assert not any("новым сообщением" in text for text in await chat.texts_to(chat.anna))


async def test_a_group_gets_one_answer_and_only_when_it_addresses_the_bot(chat, says):
    async with Person(chat.api.url, ANNA_ID, chat_id=GROUP_ID) as group:
        before = (await group.send_text("hello all")).id
        await group.send_text("/start")
        await group.wait_for(says("Я рисую и здесь"))
        await group.send_text("/help")
        await group.send_text("/imagine")
        await chat.settled()
        answers = [message for message in await group.transcript() if message.from_bot and message.id > before]
        assert len(answers) == 1
    assert (await chat.row_counts())["users"] == 0


async def test_a_channel_post_is_passed_over(chat, says):
    post = {
        "message_id": 1,
        "date": 1_700_000_000,
        "chat": {"id": -100, "type": "channel", "title": "c"},
        "text": "/start",
    }
    before = len(await chat.control.calls())
    await chat.dispatcher.feed_raw_update(chat.bot, {"update_id": 1, "channel_post": post})
    calls = (await chat.control.calls())[before:]
    assert [call.method for call in calls if call.method != "getUpdates"] == []


async def test_a_fault_of_ours_is_admitted(chat, says, monkeypatch):
    await chat.grant(chat.anna)

    async def fail(*_: object) -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(type(chat.use.ask_for_picture), "__call__", fail)
    await chat.anna.send_text("в лесу")
    await chat.anna.wait_for(says("что-то пошло не так"))
    chat.expects_fault = True
