from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from aiogram import Bot
from aiogram.exceptions import TelegramBadRequest, TelegramEntityTooLarge, TelegramForbiddenError
from aiogram.types import (
    BufferedInputFile,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaDocument,
    InputMediaPhoto,
    MessageEntity,
    ReplyKeyboardRemove,
    ReplyParameters,
)
from PIL import Image

from bot.local.botapi import ANNA_ID, BEN_ID, Person
from bot.local.botapi.errors import PersonError

MakePicture = Callable[..., bytes]


def upload(content: bytes, name: str = "photo.png") -> BufferedInputFile:
    return BufferedInputFile(content, name)


def keyboard(**fields: Any) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup.model_construct(
        inline_keyboard=[[InlineKeyboardButton.model_construct(**{"text": "Go", **fields})]]
    )


async def test_html_arrives_as_text_and_entities(bot: Bot, anna: Person) -> None:
    html = 'A 😀 <b>bold <i>both</i></b> &lt;x&gt; <a href="https://example.org/?a=1">link</a> <code>c</code>'
    sent = await bot.send_message(ANNA_ID, f"  {html}\n", parse_mode="HTML")
    assert sent.text == "A 😀 bold both <x> link c"
    assert sent.html_text == html
    assert (await anna.transcript())[-1].text == sent.text


@pytest.mark.parametrize(
    ("html", "reason"),
    [
        ("<b>open", 'Can\'t find end tag corresponding to start tag "b"'),
        ("ы <em>x</b>", 'Unmatched end tag at byte offset 8, expected "</em>", found "</b>"'),
        ("x</i>", "Unexpected end tag at byte offset 1"),
        ("<script>x</script>", 'Unsupported start tag "script" at byte offset 0'),
        ("1 < 2", "Unclosed start tag at byte offset 2"),
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
    ],
)
async def test_broken_html_is_refused_in_telegrams_words(bot: Bot, anna: Person, html: str, reason: str) -> None:
    with pytest.raises(TelegramBadRequest) as refused:
        await bot.send_message(ANNA_ID, html, parse_mode="HTML")
    assert refused.value.message == f"Bad Request: can't parse entities: {reason}"


async def test_explicit_entities_are_kept_and_script_links_dropped(bot: Bot, anna: Person) -> None:
    entities = [
        MessageEntity(type="bold", offset=0, length=1),
        MessageEntity(type="text_link", offset=2, length=1, url="javascript:alert(1)"),
    ]
    sent = await bot.send_message(ANNA_ID, "a b", entities=entities, parse_mode=None)
    assert [entity.type for entity in sent.entities or []] == ["bold"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [(" \n ", "message text is empty"), ("<b> </b>", "message text is empty"), ("я" * 4097, "message is too long")],
)
async def test_text_must_have_1_to_4096_characters(bot: Bot, anna: Person, text: str, reason: str) -> None:
    with pytest.raises(TelegramBadRequest, match=reason):
        await bot.send_message(ANNA_ID, text, parse_mode="HTML")


async def test_text_is_counted_after_parsing(bot: Bot, anna: Person) -> None:
    sent = await bot.send_message(ANNA_ID, f"<b>{'я' * 4096}</b>", parse_mode="HTML")
    assert len(sent.text or "") == 4096


async def test_a_caption_has_at_most_1024_characters(bot: Bot, anna: Person, picture: MakePicture) -> None:
    assert (await bot.send_photo(ANNA_ID, upload(picture()), caption="x" * 1024)).caption == "x" * 1024
    with pytest.raises(TelegramBadRequest, match="message caption is too long"):
        await bot.send_photo(ANNA_ID, upload(picture()), caption="x" * 1025)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"callback_data": "x" * 65}, "BUTTON_DATA_INVALID"),
        ({"callback_data": "ю" * 33}, "BUTTON_DATA_INVALID"),
        ({"callback_data": ""}, "BUTTON_DATA_INVALID"),
        ({}, "Text buttons are unallowed in the inline keyboard"),
        ({"text": " ", "callback_data": "x"}, "inline keyboard button text must be non-empty"),
        ({"callback_data": "x", "url": "https://example.org"}, "exactly one"),
        ({"url": "http://localhost:80/"}, "URL 'http://localhost:80/' is invalid: Wrong HTTP URL"),
        ({"url": "javascript:alert(1)"}, "is invalid: Wrong HTTP URL"),
        ({"pay": True}, "BUTTON_TYPE_INVALID"),
    ],
)
async def test_a_wrong_button_is_refused(bot: Bot, anna: Person, fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(TelegramBadRequest, match=reason):
        await bot.send_message(ANNA_ID, "x", reply_markup=keyboard(**fields))


async def test_64_bytes_of_callback_data_and_a_public_link_are_fine(bot: Bot, anna: Person) -> None:
    sent = await bot.send_message(ANNA_ID, "x", reply_markup=keyboard(callback_data="ю" * 32))
    assert sent.reply_markup and sent.reply_markup.inline_keyboard[0][0].callback_data == "ю" * 32
    await bot.send_message(ANNA_ID, "x", reply_markup=keyboard(url="https://example.org/a"))
    await bot.send_message(ANNA_ID, "x", reply_markup=ReplyKeyboardRemove())
    assert [m.button_texts for m in (await anna.transcript())[-3:]] == [["Go"], ["Go"], []]


async def test_101_buttons_are_too_many(bot: Bot, anna: Person) -> None:
    rows = [[InlineKeyboardButton(text=str(n), callback_data=str(n))] for n in range(101)]
    with pytest.raises(TelegramBadRequest, match="reply markup is too long"):
        await bot.send_message(ANNA_ID, "x", reply_markup=InlineKeyboardMarkup(inline_keyboard=rows))


async def test_a_photo_comes_back_as_jpeg_in_sizes_without_metadata(
    bot: Bot, anna: Person, picture: MakePicture
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif[0x010E] = "secret"
    original = picture(2000, 1000, form="JPEG", exif=exif, comment=b"secret")
    sent = await bot.send_photo(ANNA_ID, upload(original))
    assert sent.photo is not None
    assert [(size.width, size.height) for size in sent.photo] == [(45, 90), (160, 320), (400, 800), (640, 1280)]
    assert len({size.file_id for size in sent.photo} | {size.file_unique_id for size in sent.photo}) == 8
    content = await bot.download(sent.photo[-1])
    assert content is not None
    received = content.read()
    assert len(received) == sent.photo[-1].file_size
    assert b"secret" not in received
    with Image.open(io.BytesIO(received)) as image:
        assert (image.format, image.size, dict(image.getexif())) == ("JPEG", (640, 1280), {})


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "1", "I;16", "CMYK"])
async def test_every_colour_mode_becomes_an_rgb_photo(bot: Bot, anna: Person, picture: MakePicture, mode: str) -> None:
    content = picture(50, 40, mode=mode, form="TIFF" if mode == "CMYK" else "PNG")
    sent = await bot.send_photo(ANNA_ID, upload(content))
    assert sent.photo and (sent.photo[-1].width, sent.photo[-1].height) == (50, 40)


async def test_16_bit_brightness_survives(bot: Bot, anna: Person) -> None:
    buffer = io.BytesIO()
    Image.new("I;16", (32, 32), 128 * 257).save(buffer, "PNG")
    sent = await bot.send_photo(ANNA_ID, upload(buffer.getvalue()))
    content = await bot.download(sent.photo[-1]) if sent.photo else None
    assert content is not None
    with Image.open(content) as image:
        red = image.convert("RGB").getpixel((16, 16))
        assert isinstance(red, tuple) and abs(red[0] - 128) <= 2


async def test_a_photo_over_10_mb_is_refused_with_the_numbers(bot: Bot, anna: Person) -> None:
    with pytest.raises(TelegramBadRequest, match="file of size 10485761 bytes is too big for a photo; the maximum"):
        await bot.send_photo(ANNA_ID, upload(b"\0" * (10 * 1024 * 1024 + 1)))


@pytest.mark.parametrize("size", [(9001, 1000), (2110, 100), (100, 2110)])
async def test_photo_dimensions_are_bounded(
    bot: Bot, anna: Person, picture: MakePicture, size: tuple[int, int]
) -> None:
    with pytest.raises(TelegramBadRequest, match="PHOTO_INVALID_DIMENSIONS"):
        await bot.send_photo(ANNA_ID, upload(picture(*size, mode="L")))


async def test_what_cannot_be_decoded_is_no_photo(bot: Bot, anna: Person, picture: MakePicture) -> None:
    whole = picture(200, 200, form="JPEG")
    for content in (b"not an image", whole[: len(whole) // 2]):
        with pytest.raises(TelegramBadRequest, match="IMAGE_PROCESS_FAILED"):
            await bot.send_photo(ANNA_ID, upload(content))
    with pytest.raises(TelegramBadRequest, match="file must be non-empty"):
        await bot.send_photo(ANNA_ID, upload(b""))
    assert len(await anna.transcript()) == 1


async def test_a_document_is_kept_byte_for_byte_with_its_name(bot: Bot, anna: Person, picture: MakePicture) -> None:
    content = picture(600, 300, comment="kept")
    sent = await bot.send_document(ANNA_ID, upload(content, "../мой портрет.png"))
    assert sent.document is not None
    assert (sent.document.file_name, sent.document.mime_type) == ("мой портрет.png", "image/png")
    assert sent.document.thumbnail and sent.document.thumbnail.width == 320
    received = await bot.download(sent.document)
    assert received is not None and received.read() == content
    assert await anna.download((await anna.transcript())[-1]) == content


async def test_a_document_over_50_mb_is_too_large(bot: Bot, anna: Person) -> None:
    with pytest.raises(TelegramEntityTooLarge):
        await bot.send_document(ANNA_ID, upload(b"\0" * (50 * 1024 * 1024 + 1), "big.bin"))


async def test_the_bot_downloads_at_most_20_mb(bot: Bot, anna: Person) -> None:
    await anna.send_document(b"\0" * (20 * 1024 * 1024 + 1), name="big.bin")
    document = (await bot.get_updates())[-1].message.document  # type: ignore[union-attr]
    assert document is not None and document.file_size == 20 * 1024 * 1024 + 1
    with pytest.raises(TelegramBadRequest, match="file is too big"):
        await bot.get_file(document.file_id)
    with pytest.raises(TelegramBadRequest, match="invalid file_id"):
        await bot.get_file("AgADnothing")


async def test_a_file_id_sends_again_without_uploading(bot: Bot, anna: Person, picture: MakePicture) -> None:
    first = await bot.send_photo(ANNA_ID, upload(picture(400, 400)))
    assert first.photo is not None
    again = await bot.send_photo(ANNA_ID, first.photo[0].file_id)
    assert again.photo == first.photo
    document = (await bot.send_document(ANNA_ID, upload(picture(), "a.png"))).document
    assert document and document.thumbnail
    for wrong, reason in [
        (document.file_id, "can't use file of type Document as Photo"),
        (document.thumbnail.file_id, "can't use file of type Thumbnail as Photo"),
        ("AgADnothing", "wrong file identifier/HTTP URL specified"),
        ("https://example.org/a.jpg", "failed to get HTTP URL content"),
    ]:
        with pytest.raises(TelegramBadRequest, match=reason):
            await bot.send_photo(ANNA_ID, wrong)


async def test_an_album_has_2_to_10_items_of_one_kind(bot: Bot, anna: Person, picture: MakePicture) -> None:
    photo = InputMediaPhoto(media=upload(picture()), caption="<i>one</i>", parse_mode="HTML")
    document = InputMediaDocument(media=upload(picture(), "a.png"))
    sent = await bot.send_media_group(ANNA_ID, [photo, InputMediaPhoto(media=upload(picture(30, 30)))])
    assert len({message.media_group_id for message in sent}) == 1
    assert [message.caption for message in sent] == ["one", None]
    for media, reason in [
        ([], "there are no messages to send|media"),
        ([photo], "media group must include 2-10 items"),
        ([photo] * 11, "too many messages to send as an album"),
        ([photo, document], "document can't be mixed with other media types"),
        ([photo, InputMediaPhoto(media="attach://missing")], "media not found"),
        ([photo, InputMediaPhoto(media=upload(b"junk"))], "IMAGE_PROCESS_FAILED"),
    ]:
        with pytest.raises(TelegramBadRequest, match=reason):
            await bot.send_media_group(ANNA_ID, media)  # type: ignore[arg-type]
    assert len(await anna.transcript()) == 3


async def test_the_chat_must_exist_have_started_and_not_have_blocked(bot: Bot, anna: Person, ben: Person) -> None:
    with pytest.raises(TelegramBadRequest, match="chat not found"):
        await bot.send_message(424242, "x")
    with pytest.raises(TelegramBadRequest, match="chat not found"):
        await bot.send_message("@nobody", "x")
    with pytest.raises(TelegramForbiddenError, match="bot can't initiate conversation with a user"):
        await bot.send_message(BEN_ID, "x")
    await anna.block()
    for call in (bot.send_message(ANNA_ID, "x"), bot.send_chat_action(ANNA_ID, "typing")):
        with pytest.raises(TelegramForbiddenError, match="Forbidden: bot was blocked by the user"):
            await call
    await anna.unblock()
    await bot.send_message(ANNA_ID, "x")


async def test_a_reply_needs_its_message(bot: Bot, anna: Person) -> None:
    start = (await anna.transcript())[0]
    sent = await bot.send_message(ANNA_ID, "x", reply_parameters=ReplyParameters(message_id=start.id))
    assert sent.reply_to_message and sent.reply_to_message.message_id == start.id
    with pytest.raises(TelegramBadRequest, match="message to be replied not found"):
        await bot.send_message(ANNA_ID, "x", reply_parameters=ReplyParameters(message_id=999))
    lenient = ReplyParameters(message_id=999, allow_sending_without_reply=True)
    assert (await bot.send_message(ANNA_ID, "x", reply_parameters=lenient)).reply_to_message is None


async def test_forwarding_names_the_origin_and_copying_does_not(bot: Bot, anna: Person, ben: Person) -> None:
    await ben.send_text("hello")
    message = (await anna.transcript())[0]
    forwarded = await bot.forward_message(BEN_ID, ANNA_ID, message.id)
    assert forwarded.forward_origin is not None
    copied = await bot.copy_message(BEN_ID, ANNA_ID, message.id)
    assert (await ben.message(copied.message_id)).forwarded_from is None
    assert (await ben.message(forwarded.message_id)).forwarded_from == "Анна"
    with pytest.raises(TelegramBadRequest, match="message to forward not found"):
        await bot.forward_message(BEN_ID, ANNA_ID, 999)


async def test_a_protected_message_cannot_be_forwarded(bot: Bot, anna: Person, picture: MakePicture) -> None:
    """A bot may copy it all the same, as on Telegram."""
    for sent in (
        await bot.send_message(ANNA_ID, "secret", protect_content=True),
        await bot.send_photo(ANNA_ID, upload(picture()), protect_content=True),
        *await bot.send_media_group(
            ANNA_ID, [InputMediaPhoto(media=upload(picture())) for _ in range(2)], protect_content=True
        ),
    ):
        assert sent.has_protected_content and (await anna.message(sent.message_id)).protected
        with pytest.raises(TelegramBadRequest, match="the message can't be forwarded"):
            await bot.forward_message(ANNA_ID, ANNA_ID, sent.message_id)
        with pytest.raises(PersonError, match="is protected"):
            await anna.forward(sent.message_id)
        copied = await bot.copy_message(ANNA_ID, ANNA_ID, sent.message_id)
        assert not (await anna.message(copied.message_id)).protected
    open_message = await bot.send_message(ANNA_ID, "open")
    assert open_message.has_protected_content is None
    await anna.forward(open_message.message_id)
    forwarded = await bot.forward_message(ANNA_ID, ANNA_ID, open_message.message_id, protect_content=True)
    assert (await anna.message(forwarded.message_id)).protected


async def test_a_chat_action_must_be_a_known_one(bot: Bot, anna: Person) -> None:
    assert await bot.send_chat_action(ANNA_ID, "upload_photo")
    with pytest.raises(TelegramBadRequest, match="wrong parameter action in request"):
        await bot.send_chat_action(ANNA_ID, "dancing")
