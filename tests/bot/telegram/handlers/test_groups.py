"""Groups: a picture of the sender is asked for by a command, a reply or a mention; photos stay in the private chat."""

from __future__ import annotations

import pytest_asyncio
from aiogram.types import BufferedInputFile

from bot.db.tables import Job, User
from bot.local.botapi import ANNA_ID, BEN_ID, GROUP_ID, Person
from bot.telegram.callbacks import JobAction, JobCallback, PrivacyAction, PrivacyCallback
from bot.telegram.commands import DRAW


@pytest_asyncio.fixture(loop_scope="session")
async def anna(chat):
    """Anna in her private chat."""
    async with Person(chat.api.url, ANNA_ID) as person:
        yield person


@pytest_asyncio.fixture(loop_scope="session")
async def group(chat):
    """Anna in the group."""
    async with Person(chat.api.url, ANNA_ID, chat_id=GROUP_ID) as person:
        yield person


async def test_a_command_draws_its_sender_for_the_group(chat, says, anna, group):
    await chat.ready(anna)
    command = await group.send_text(f"/{DRAW} гуляю по лесу")
    job = await chat.job()
    assert (job.user_id, job.chat_id, job.request_message_id) == (ANNA_ID, GROUP_ID, command.id)
    assert (job.prompt, job.reference_ids) == ("гуляю по лесу", [photo.id for photo in await chat.references()])


async def test_a_reply_and_a_mention_do_the_same(chat, says, anna, group):
    await group.send_text(f"/{DRAW} гуляю по лесу")
    answer = await group.wait_for(says(chat.texts()("group-needs-photo")))
    await chat.ready(anna)
    await group.send_text("на море", reply_to=answer.id)
    assert (await chat.job()).prompt == "на море"
    state = await chat.bot.me()
    await group.send_text(f"@{(state.username or '').upper()}, в горах")
    assert (await chat.job(2)).prompt == "в горах"


async def test_talk_between_others_is_no_input(chat, says, anna, group):
    await chat.ready(anna)
    async with Person(chat.api.url, BEN_ID, chat_id=GROUP_ID) as ben:
        message = await ben.send_text("how are you?")
    await group.send_text("хорошо", reply_to=message.id)
    await chat.settled()
    assert await chat.jobs() == []


async def test_a_member_without_consent_or_photo_is_sent_to_the_private_chat(chat, says, anna, group):
    await group.send_text(f"/{DRAW} гуляю по лесу")
    answer = await group.wait_for(says(chat.texts()("group-needs-photo")))
    (button,) = [button for row in answer.buttons for button in row]
    assert button.url is not None and button.url.endswith("?start=group")
    assert (await chat.row_counts())["users"] == 0, "nothing is stored about who only spoke in a group"
    await chat.consent(anna)
    await group.send_text(f"/{DRAW} гуляю по лесу")
    await group.wait_for(says(chat.texts()("group-needs-photo")))
    user = await chat.user(anna)
    assert await chat.jobs() == [] and user.draft is None


async def test_only_people_on_the_access_list_are_drawn_in_groups_too(chat, anna, group):
    await chat.ready(anna)
    await chat.use.admin.access.close(chat.boss.user_id, closed=True)
    await group.send_text(f"/{DRAW} гуляю по лесу")
    await chat.settled()
    assert await chat.jobs() == []
    await chat.use.admin.access.close(chat.boss.user_id, closed=False)
    await group.send_text(f"/{DRAW} гуляю по лесу")
    await chat.job()


async def test_the_link_of_the_group_starts_the_private_chat(chat, says, anna):
    await anna.send_text("/start group")
    await anna.wait_for(says("18 лет"))


async def test_a_prompt_that_cannot_be_drawn_and_a_full_queue_are_reported(chat, says, anna, group):
    await chat.ready(anna)
    await group.send_text(f"/{DRAW}")
    await group.wait_for(says("Опишите одним предложением"))
    for number, place in enumerate(("в лесу", "на море", "в горах"), 1):
        await group.send_text(f"/{DRAW} {place}")
        await chat.job(number)
    await group.send_text(f"/{DRAW} в космосе")
    await group.wait_for(says("уже 3 картинки"))


async def test_a_prompt_in_a_group_leaves_the_draft_of_the_private_chat(chat, says, anna, group):
    await chat.ready(anna)
    async with chat.sessions.begin() as session:
        (await session.get_one(User, ANNA_ID)).draft = "в саду"
    await group.send_text(f"/{DRAW} гуляю по лесу")
    await chat.job()
    assert (await chat.user(anna)).draft == "в саду"


async def test_inline_queries_offer_the_senders_own_pictures(chat, says, anna):
    await chat.ready(anna)
    for number, place in enumerate(("в лесу", "на море"), 1):
        await anna.send_text(place)
        await chat.picture(anna, await chat.job(number))
    forest, sea = await chat.jobs()
    offered = await anna.ask_inline()
    assert offered.result_ids == [str(sea.id), str(forest.id)] and offered.is_personal
    assert offered.photo_file_ids == [sea.result_file_id, forest.result_file_id]
    assert (await anna.ask_inline("ЛЕСУ")).result_ids == [str(forest.id)]
    assert (await anna.ask_inline("100%")).result_ids == []
    other = await chat.ben.ask_inline()
    assert other.result_ids == [] and other.button == chat.texts("en")("inline-start")
    await chat.use.remove_picture(ANNA_ID, sea.id)
    assert (await anna.ask_inline()).result_ids == [str(forest.id)]


async def test_a_picture_of_a_group_that_is_deleted_in_the_gallery_goes_from_the_group_too(chat, jpeg, anna, group):
    """The first time Telegram asks to wait: the press is handled again and finds its picture deleted already."""
    await chat.ready(anna)
    await group.send_text(f"/{DRAW} гуляю по лесу")
    job = await chat.job()
    await chat.picture(anna, job)
    posted = await chat.bot.send_photo(GROUP_ID, BufferedInputFile(jpeg(5), "picture.jpg"))
    async with chat.sessions.begin() as session:
        (await session.get_one(Job, job.id)).result_message_id = posted.message_id
    await chat.control.fail_next("deleteMessage", kind="flood", retry_after=1)
    answer = await chat.press(anna, JobCallback(action=JobAction.DELETE, job_id=job.id), under_photo=True)
    assert answer.text == chat.texts()("delete-done")
    assert posted.message_id not in [message.id for message in await group.transcript()]
    assert "button" not in [text for message in await anna.transcript() for text in message.button_texts]


async def test_deleting_everything_takes_back_the_pictures_in_groups(chat, jpeg, anna, group):
    await chat.ready(anna)
    await group.send_text(f"/{DRAW} гуляю по лесу")
    job = await chat.job()
    await chat.picture(anna, job)
    posted = await chat.bot.send_photo(GROUP_ID, BufferedInputFile(jpeg(5), "picture.jpg"))
    async with chat.sessions.begin() as session:
        (await session.get_one(Job, job.id)).result_message_id = posted.message_id
    await chat.press(anna, PrivacyCallback(action=PrivacyAction.DELETE))
    await chat.settled()
    assert await chat.jobs() == []
    assert posted.message_id not in [message.id for message in await group.transcript()]


async def test_inline_results_come_in_pages(chat, anna, monkeypatch):
    monkeypatch.setattr("bot.telegram.handlers.inline.PAGE", 1)
    await chat.ready(anna)
    for number, place in enumerate(("в лесу", "на море"), 1):
        await anna.send_text(place)
        await chat.picture(anna, await chat.job(number))
    first = await anna.ask_inline()
    second = await anna.ask_inline(offset=first.next_offset)
    third = await anna.ask_inline(offset=second.next_offset)
    assert [len(page.result_ids) for page in (first, second, third)] == [1, 1, 0]
    assert first.result_ids != second.result_ids and third.button == ""
