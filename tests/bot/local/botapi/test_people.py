from __future__ import annotations

from collections.abc import Callable

import pytest
from aiogram import Bot
from aiogram.types import BotCommand, BotCommandScopeAllPrivateChats, BotCommandScopeChat

from bot.local.botapi import (
    ADMIN_ID,
    ANNA_ID,
    BEN_ID,
    GROUP_ID,
    ApiControl,
    LocalBotAPI,
    Person,
    PersonError,
    PersonTimeout,
)

MakePicture = Callable[..., bytes]


async def test_a_message_carries_who_wrote_it_and_in_which_language(bot: Bot, anna: Person, ben: Person) -> None:
    await ben.send_text("hi")
    updates = await bot.get_updates()
    senders = [update.message.from_user for update in updates if update.message]
    assert [(user.id, user.language_code) for user in senders if user] == [(ANNA_ID, "ru"), (BEN_ID, "en")]
    start = updates[0].message
    assert start and start.entities and start.entities[0].type == "bot_command"


async def test_a_persons_photo_is_scaled_and_a_document_is_not(bot: Bot, anna: Person, picture: MakePicture) -> None:
    huge = picture(9000, 3000, mode="L")
    sent = await anna.send_photo(huge, caption="me")
    assert sent.photo and (sent.photo.width, sent.photo.height) == (1280, 427)
    await anna.send_document(huge, name="me.png")
    photo, document = (await bot.get_updates())[-2:]
    assert photo.message and photo.message.caption == "me" and photo.message.photo
    assert document.message and document.message.document and document.message.document.file_size == len(huge)


async def test_an_album_is_one_update_each_with_one_group_id(bot: Bot, anna: Person, picture: MakePicture) -> None:
    await anna.send_album([picture(), picture(40, 40), picture(20, 40)], caption="us")
    messages = [update.message for update in (await bot.get_updates())[1:]]
    assert len(messages) == 3
    assert len({message.media_group_id for message in messages if message}) == 1
    assert [message.caption for message in messages if message] == ["us", None, None]


async def test_what_is_no_picture_goes_only_as_a_file(anna: Person, picture: MakePicture) -> None:
    for content in (b"text", picture(2110, 100)):
        with pytest.raises(PersonError, match="send it as a file"):
            await anna.send_photo(content)
        assert (await anna.send_document(content)).document


async def test_a_forwarded_photo_arrives_as_photo_with_origin(bot: Bot, anna: Person, picture: MakePicture) -> None:
    sent = await anna.send_photo(picture())
    await anna.forward(sent.id)
    message = (await bot.get_updates())[-1].message
    assert message and message.photo and message.forward_origin and message.forward_origin.type == "user"


async def test_blocking_tells_the_bot_and_silences_the_person(bot: Bot, anna: Person) -> None:
    await anna.block()
    with pytest.raises(PersonError, match="unblock it first"):
        await anna.send_text("hello?")
    await anna.unblock()
    changes = [update.my_chat_member for update in await bot.get_updates() if update.my_chat_member]
    assert [change.new_chat_member.status for change in changes] == ["kicked", "member"]


async def test_in_a_group_the_bot_hears_commands_and_replies_only(bot: Bot, anna_in_group: Person) -> None:
    await anna_in_group.send_text("just talking")
    await anna_in_group.send_text("/help@another_bot")
    await anna_in_group.send_text("/start@bolid_local_bot")
    sent = await bot.send_message(GROUP_ID, "hello")
    await anna_in_group.send_text("hello yourself", reply_to=sent.message_id)
    messages = [update.message for update in await bot.get_updates()]
    assert [message.text for message in messages if message] == ["/start@bolid_local_bot", "hello yourself"]
    assert messages[0] and messages[0].chat.type == "group"


async def test_nobody_speaks_where_they_are_not_or_edits_what_is_not_theirs(
    api: LocalBotAPI, bot: Bot, anna: Person
) -> None:
    sent = await bot.send_message(ANNA_ID, "mine")
    with pytest.raises(PersonError, match="only one's own"):
        await anna.edit_text(sent.message_id, "yours")
    async with Person(api.url, BEN_ID, chat_id=ANNA_ID) as intruder:
        with pytest.raises(PersonError, match="is not in chat"):
            await intruder.send_text("boo")
    with pytest.raises(PersonError, match="at most 4096"):
        await anna.send_text("x" * 4097)
    with pytest.raises(PersonError, match="empty"):
        await anna.send_text("  ")


async def test_waiting_looks_only_beyond_the_last_action(bot: Bot, anna: Person) -> None:
    await bot.send_message(ANNA_ID, "old news")
    await anna.send_text("and now?")
    with pytest.raises(PersonTimeout, match="old news"):
        await anna.wait_for(lambda message: "news" in message.text, timeout_s=0.1)
    await bot.send_message(ANNA_ID, "fresh news")
    assert (await anna.wait_for(lambda message: "news" in message.text)).text == "fresh news"
    assert len(await anna.wait_until(lambda messages: len(messages) == 4)) == 4


async def test_the_command_menu_follows_scope_and_language(bot: Bot, control: ApiControl, anna: Person) -> None:
    def commands(name: str) -> list[BotCommand]:
        return [BotCommand(command=name, description="does it")]

    await bot.set_my_commands(commands("start"))
    await bot.set_my_commands(commands("nachalo"), language_code="ru")
    await bot.set_my_commands(commands("admin"), scope=BotCommandScopeChat(chat_id=ADMIN_ID))
    await bot.set_my_commands(commands("help"), scope=BotCommandScopeAllPrivateChats(), language_code="de")
    commands_by_chat = {chat.id: [item.command for item in chat.commands] for chat in await control.chats()}
    assert commands_by_chat == {ANNA_ID: ["nachalo"], BEN_ID: ["start"], ADMIN_ID: ["admin"], GROUP_ID: ["start"]}
    assert [item.command for item in await bot.get_my_commands(language_code="ru")] == ["nachalo"]


async def test_names_and_descriptions_are_kept_by_language(bot: Bot) -> None:
    await bot.set_my_description("Pictures")
    await bot.set_my_description("Картинки", language_code="ru")
    await bot.set_my_short_description("Short")
    assert (await bot.get_my_description()).description == "Pictures"
    assert (await bot.get_my_description(language_code="ru")).description == "Картинки"
    assert (await bot.get_my_short_description(language_code="ru")).short_description == "Short"
    await bot.set_my_name("Lightning")
    assert (await bot.get_me()).first_name == "Lightning"


async def test_more_people_can_join(api: LocalBotAPI, bot: Bot, control: ApiControl) -> None:
    await control.add_user(5001, "Chloé", language_code="fr")
    async with Person(api.url, 5001) as chloe:
        await chloe.send_text("salut")
    message = (await bot.get_updates())[0].message
    assert message and message.from_user and message.from_user.first_name == "Chloé"
    with pytest.raises(PersonError, match="exists already"):
        await control.add_user(5001, "Chloé")
    assert len(await control.users()) == 4


async def test_the_bot_sees_chats_and_members(bot: Bot, anna: Person) -> None:
    assert (await bot.get_chat(ANNA_ID)).first_name == "Анна"
    assert (await bot.get_chat(GROUP_ID)).type == "group"
    assert (await bot.get_chat_member(GROUP_ID, ADMIN_ID)).status == "creator"
    assert (await bot.get_chat_member(GROUP_ID, ANNA_ID)).status == "member"
