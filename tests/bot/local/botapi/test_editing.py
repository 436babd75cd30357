from __future__ import annotations

from collections.abc import Callable

import pytest
from aiogram import Bot
from aiogram.exceptions import TelegramBadRequest, TelegramForbiddenError
from aiogram.types import BufferedInputFile, InlineKeyboardButton, InlineKeyboardMarkup, InputMediaPhoto, Message

from bot.local.botapi import ANNA_ID, Person

MakePicture = Callable[..., bytes]
CANCEL = InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text="Cancel", callback_data="cancel")]])


def photo(content: bytes) -> BufferedInputFile:
    return BufferedInputFile(content, "photo.png")


async def test_an_edit_changes_text_and_takes_the_buttons_away(bot: Bot, anna: Person) -> None:
    sent = await bot.send_message(ANNA_ID, "one", reply_markup=CANCEL)
    edited = await bot.edit_message_text("two", chat_id=ANNA_ID, message_id=sent.message_id)
    assert isinstance(edited, Message)
    assert (edited.text, edited.reply_markup) == ("two", None)
    assert edited.edit_date is not None
    found = await anna.message(sent.message_id)
    assert (found.text, found.edit_count, [version.text for version in found.history]) == ("two", 1, ["one"])


async def test_the_same_again_is_not_modified(bot: Bot, anna: Person) -> None:
    sent = await bot.send_message(ANNA_ID, "<b>one</b>", parse_mode="HTML", reply_markup=CANCEL)
    target = {"chat_id": ANNA_ID, "message_id": sent.message_id}
    reason = "message is not modified: specified new message content and reply markup are exactly the same"
    with pytest.raises(TelegramBadRequest, match=reason):
        await bot.edit_message_text(" <b>one</b>", parse_mode="HTML", reply_markup=CANCEL, **target)  # type: ignore[arg-type]
    with pytest.raises(TelegramBadRequest, match=reason):
        await bot.edit_message_reply_markup(reply_markup=CANCEL, **target)  # type: ignore[arg-type]
    await bot.edit_message_text("one", reply_markup=CANCEL, **target)  # type: ignore[arg-type]
    await bot.edit_message_reply_markup(**target)  # type: ignore[arg-type]
    with pytest.raises(TelegramBadRequest, match=reason):
        await bot.edit_message_text("one", **target)  # type: ignore[arg-type]
    assert (await anna.message(sent.message_id)).edit_count == 1


async def test_a_status_text_becomes_a_picture(bot: Bot, anna: Person, picture: MakePicture) -> None:
    sent = await bot.send_message(ANNA_ID, "waiting", reply_markup=CANCEL)
    media = InputMediaPhoto(media=photo(picture()), caption="<b>50 %</b>", parse_mode="HTML")
    edited = await bot.edit_message_media(media, chat_id=ANNA_ID, message_id=sent.message_id, reply_markup=CANCEL)
    assert isinstance(edited, Message)
    assert edited.photo and edited.caption == "50 %" and edited.text is None and edited.reply_markup
    with pytest.raises(TelegramBadRequest, match="there is no text in the message to edit"):
        await bot.edit_message_text("x", chat_id=ANNA_ID, message_id=sent.message_id)
    await bot.edit_message_caption(chat_id=ANNA_ID, message_id=sent.message_id, caption="done")
    found = await anna.message(sent.message_id)
    assert [(version.text, version.has_media) for version in found.history] == [("waiting", False), ("50 %", True)]


async def test_uploading_the_same_picture_anew_is_a_change_but_its_file_id_is_not(
    bot: Bot, anna: Person, picture: MakePicture
) -> None:
    sent = await bot.send_photo(ANNA_ID, photo(picture()), caption="x")
    target = {"chat_id": ANNA_ID, "message_id": sent.message_id}
    edited = await bot.edit_message_media(InputMediaPhoto(media=photo(picture()), caption="x"), **target)  # type: ignore[arg-type]
    assert isinstance(edited, Message) and edited.photo and edited.photo != sent.photo
    same = InputMediaPhoto(media=edited.photo[-1].file_id, caption="x")
    with pytest.raises(TelegramBadRequest, match="message is not modified"):
        await bot.edit_message_media(same, **target)  # type: ignore[arg-type]
    await bot.edit_message_media(InputMediaPhoto(media=edited.photo[-1].file_id, caption="y"), **target)  # type: ignore[arg-type]


async def test_only_messages_that_are_there_and_the_bots_own_can_be_edited(bot: Bot, anna: Person) -> None:
    start = (await anna.transcript())[0]
    with pytest.raises(TelegramBadRequest, match="message can't be edited"):
        await bot.edit_message_text("x", chat_id=ANNA_ID, message_id=start.id)
    with pytest.raises(TelegramBadRequest, match="message to edit not found"):
        await bot.edit_message_text("x", chat_id=ANNA_ID, message_id=999)
    with pytest.raises(TelegramBadRequest, match="message identifier is not specified"):
        await bot.edit_message_text("x", chat_id=ANNA_ID)
    sent = await bot.send_message(ANNA_ID, "x")
    with pytest.raises(TelegramBadRequest, match="there is no caption in the message to edit"):
        await bot.edit_message_caption(chat_id=ANNA_ID, message_id=sent.message_id, caption="y")
    await anna.delete(sent.message_id)
    with pytest.raises(TelegramBadRequest, match="message to edit not found"):
        await bot.edit_message_text("y", chat_id=ANNA_ID, message_id=sent.message_id)


async def test_an_edit_obeys_the_same_rules_as_a_message(bot: Bot, anna: Person, picture: MakePicture) -> None:
    sent = await bot.send_message(ANNA_ID, "x")
    target = {"chat_id": ANNA_ID, "message_id": sent.message_id}
    with pytest.raises(TelegramBadRequest, match="message text is empty"):
        await bot.edit_message_text(" ", **target)  # type: ignore[arg-type]
    with pytest.raises(TelegramBadRequest, match="message is too long"):
        await bot.edit_message_text("x" * 4097, **target)  # type: ignore[arg-type]
    with pytest.raises(TelegramBadRequest, match="message caption is too long"):
        await bot.edit_message_media(InputMediaPhoto(media=photo(picture()), caption="x" * 1025), **target)  # type: ignore[arg-type]
    with pytest.raises(TelegramBadRequest, match="IMAGE_PROCESS_FAILED"):
        await bot.edit_message_media(InputMediaPhoto(media=photo(b"junk")), **target)  # type: ignore[arg-type]
    await anna.block()
    with pytest.raises(TelegramForbiddenError, match="bot was blocked by the user"):
        await bot.edit_message_text("y", **target)  # type: ignore[arg-type]


async def test_deleting(bot: Bot, anna: Person) -> None:
    sent = [await bot.send_message(ANNA_ID, str(number)) for number in range(3)]
    start = (await anna.transcript())[0]
    assert await bot.delete_message(ANNA_ID, sent[0].message_id)
    with pytest.raises(TelegramBadRequest, match="message to delete not found"):
        await bot.delete_message(ANNA_ID, sent[0].message_id)
    assert await bot.delete_messages(ANNA_ID, [sent[0].message_id, sent[1].message_id, start.id])
    assert [message.text for message in await anna.transcript()] == ["2"]


async def test_a_bot_without_rights_deletes_only_its_own_in_a_group(bot: Bot, anna_in_group: Person) -> None:
    command = await anna_in_group.send_text("/start")
    sent = await bot.send_message(anna_in_group.chat_id, "hello")
    with pytest.raises(TelegramBadRequest, match="message can't be deleted"):
        await bot.delete_message(anna_in_group.chat_id, command.id)
    assert await bot.delete_message(anna_in_group.chat_id, sent.message_id)
