"""Incoming photos in all forms, and all faults of photos."""

from __future__ import annotations

import asyncio
import io
import struct
import zlib

import pytest
from aiogram.types import BufferedInputFile
from PIL import Image
from pillow_heif import register_heif_opener
from sqlalchemy import event

from bot.db.references import ALBUM_QUIET
from bot.dispatch.photo_verdicts import VerdictAnswers
from bot.domain import ReferenceState
from bot.photos import FILE_MAX_BYTES
from bot.telegram import photo_fetching
from bot.telegram.callbacks import PrivacyAction, PrivacyCallback
from bot.telegram.refusals import NotNow
from engine.contract import REFERENCE_MAX_SIDE_PX, REFERENCES_MAX, Verdict

register_heif_opener()


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def frames(form: str) -> bytes:
    first, second = (Image.new("RGB", (200, 200), colour) for colour in ("red", "blue"))
    return encoded(first, form, save_all=True, append_images=[second], duration=100)


def bomb() -> bytes:
    """A PNG of few bytes that says it holds 30,000 x 30,000 pixels."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


def cut(share: float) -> bytes:
    """The first part of a JPEG."""
    whole = encoded(Image.effect_noise((300, 300), 90), "JPEG")
    return whole[: int(len(whole) * share)]


def with_exif_rotation() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(Image.new("RGB", (400, 300), "green"), "JPEG", exif=exif)


def deep_png() -> bytes:
    return encoded(Image.linear_gradient("L").convert("I").point(lambda level: level * 257).convert("I;16"), "PNG")


def cmyk_jpeg() -> bytes:
    return encoded(Image.new("CMYK", (300, 300), (0, 200, 200, 20)), "JPEG")


def heic() -> bytes:
    return encoded(Image.radial_gradient("L").convert("RGB"), "HEIF")


async def test_a_photo_is_looked_at_and_leads_to_the_styles(chat, says, jpeg):
    await chat.consent(chat.anna)
    chat.stage.worker_looks = False
    sent = await chat.anna.send_photo(jpeg())
    looking = await chat.anna.wait_for(says("Проверяю"))
    assert looking.reply_to == sent.id
    chat.stage.worker_looks = True
    answer = await chat.anna.wait_for(says("✅", "Выберите стиль"))
    assert answer.id == looking.id, "the answer takes the place of the waiting"
    assert answer.button_texts == [chat.texts()("styles-button"), chat.texts()("settings-button")]
    (photo,) = await chat.references()
    assert (photo.state, photo.width, photo.height) == (ReferenceState.ACCEPTED, 300, 400)


async def test_a_photo_is_also_taken_as_a_document_and_bounded(chat, says, jpeg):
    await chat.consent(chat.anna)
    await chat.anna.send_document(jpeg(1, (2600, 1300)), name="me.JPG")
    await chat.anna.wait_for(says("✅"))
    (photo,) = await chat.references()
    assert (photo.width, photo.height) == (REFERENCE_MAX_SIDE_PX, REFERENCE_MAX_SIDE_PX // 2)


async def test_an_album_gets_one_answer_that_names_each_photo(chat, says, jpeg):
    await chat.consent(chat.anna)
    chat.stage.verdicts[:] = [Verdict.ACCEPTED, Verdict.SEVERAL_PEOPLE, Verdict.ACCEPTED]
    await chat.anna.send_album([jpeg(1), jpeg(2), jpeg(3)])
    answer = await chat.anna.wait_for(says("Ваш альбом"))
    assert "подходят 2 фото из 3" in answer.text
    lines = answer.text.splitlines()
    assert lines[1].startswith("Фото 1: ✅") and lines[2].startswith("Фото 2: 👥") and lines[3].startswith("Фото 3: ✅")
    assert sum("Ваш альбом" in text or "Проверяю" in text for text in await chat.texts_to(chat.anna)) == 1
    assert await chat.states() == ["accepted", "rejected", "accepted"]


async def test_an_album_is_answered_only_when_all_its_photos_are_handled(chat, says, jpeg, monkeypatch):
    """The second photo takes longer than the pause after which an album without news counts as complete."""
    real, sizes = photo_fetching.normalise, []

    async def slow(data):
        sizes.append(data)
        if len(sizes) == 2:
            await asyncio.sleep(2.5 * ALBUM_QUIET.total_seconds())
        return await real(data)

    monkeypatch.setattr(photo_fetching, "normalise", slow)
    await chat.consent(chat.anna)
    await chat.anna.send_album([jpeg(1), jpeg(2)], caption="на пляже")
    answer = await chat.anna.wait_for(says("Ваш альбом"), 30)
    assert "подходят 2 фото из 2" in answer.text
    assert len((await chat.job()).reference_ids) == 2, "and its words are drawn from both"


async def test_an_album_of_files_good_and_bad_gets_one_answer_too(chat, says, jpeg):
    await chat.consent(chat.anna)
    await chat.anna.send_album([jpeg(1), b"not an image at all", jpeg(2)[:3000]], as_documents=True)
    answer = await chat.anna.wait_for(says("Ваш альбом"))
    lines = answer.text.splitlines()
    assert lines[1].startswith("Фото 1: ✅") and lines[2].startswith("Фото 2: 📄") and lines[3].startswith("Фото 3: ✂️")


async def test_a_forwarded_photo_counts_and_its_caption_is_nobodys_wish(chat, says, jpeg):
    await chat.consent(chat.anna)
    file = BufferedInputFile(jpeg(), "photo.jpg")
    original = await chat.bot.send_photo(chat.anna.user_id, file, caption="слова прежних времён")
    forwarded = await chat.anna.forward(original.message_id)
    answer = await chat.anna.wait_for(says("✅", "Выберите стиль"))
    assert answer.reply_to == forwarded.id
    assert (await chat.user(chat.anna)).draft is None
    assert await chat.jobs() == []


async def test_a_photo_with_a_prompt_becomes_a_picture_when_accepted(chat, says, jpeg):
    await chat.consent(chat.anna)
    await chat.anna.send_photo(jpeg(), caption="на пляже")
    await chat.anna.wait_for(says("✅", "Рисую по описанию", "на пляже"))
    assert (await chat.job()).prompt == "на пляже"


async def test_a_photo_with_too_long_a_prompt_is_kept_and_the_limit_is_explained(chat, says, jpeg):
    await chat.consent(chat.anna)
    await chat.anna.send_photo(jpeg(), caption="б" * 1020)
    await chat.anna.wait_for(says("Сократите"))
    await chat.anna.wait_for(says("✅"))
    assert await chat.jobs() == []


async def test_a_photo_while_a_picture_is_drawn_changes_only_the_pictures_to_come(chat, says, jpeg):
    await chat.grant(chat.anna)
    await chat.anna.send_text("в лесу")
    first = await chat.job()
    await chat.anna.send_photo(jpeg(5))
    await chat.anna.wait_for(says("✅"))
    await chat.anna.send_text("в горах")
    second = await chat.job(2)
    assert (len(first.reference_ids), len(second.reference_ids)) == (1, 2)
    assert (await chat.jobs())[0].reference_ids == first.reference_ids


async def test_the_same_photo_again_is_recognised(chat, says, jpeg):
    await chat.consent(chat.anna)
    await chat.anna.send_document(jpeg(3), name="a.jpg")
    await chat.anna.wait_for(says("✅"))
    await chat.anna.send_document(jpeg(3), name="b.jpg")
    answer = await chat.anna.wait_for(says("уже есть"))
    assert "Выберите стиль" not in answer.text, "there is no button to choose one with"
    assert await chat.states() == ["accepted", "rejected"]


async def test_a_photo_refused_once_may_be_tried_again(chat, says, jpeg):
    await chat.consent(chat.anna)
    chat.stage.verdicts[:] = [Verdict.NO_PERSON]
    await chat.anna.send_document(jpeg(3), name="a.jpg")
    await chat.anna.wait_for(says("Не вижу на фото человека"))
    await chat.anna.send_document(jpeg(3), name="a.jpg")
    await chat.anna.wait_for(says("✅"))
    assert await chat.states() == ["accepted"]


async def test_no_more_than_the_limit_are_kept(chat, says, jpeg):
    await chat.grant(chat.anna, photos=REFERENCES_MAX)
    await chat.anna.send_photo(jpeg(9))
    await chat.anna.wait_for(says(f"не больше {REFERENCES_MAX}", "/photos"))
    assert (await chat.states()).count("accepted") == REFERENCES_MAX


async def test_a_refused_photo_is_not_kept(chat, says, jpeg):
    await chat.consent(chat.anna)
    chat.stage.verdicts[:] = [Verdict.TOO_DARK]
    await chat.anna.send_photo(jpeg())
    await chat.anna.wait_for(says("слишком тёмное"))
    await chat.settled()
    assert await chat.stored_bytes() == [0]


async def test_without_a_worker_the_user_gets_a_message_and_a_later_answer(chat, says, jpeg):
    await chat.consent(chat.anna)
    chat.stage.worker_looks = False
    await chat.set_worker(alive=False)
    await chat.anna.send_photo(jpeg())
    await chat.anna.wait_for(says("Фото сохранено", "сервер сейчас недоступен"))
    assert await chat.states() == ["pending"]
    chat.stage.worker_looks = True
    await chat.anna.wait_for(says("✅"))


async def test_the_same_message_handled_twice_is_one_photo_and_one_answer(chat, says, jpeg):
    await chat.consent(chat.anna)
    chat.stage.worker_looks = False
    sent = await chat.anna.send_photo(jpeg())
    await chat.anna.wait_for(says("Проверяю"))
    (photo,) = await chat.references()
    for _ in range(100):  # the chat shows the message a moment before the bot notes that it was sent
        again = await chat.use.receive_photo(await chat.sent_again(chat.anna, sent.id, jpeg()))
        if not again.unannounced:
            break
        await asyncio.sleep(0.05)
    assert (again.reference_id, again.unannounced) == (photo.id, False)
    assert len(await chat.references()) == 1


async def test_a_photo_costs_one_locked_transaction(chat, says, jpeg):
    await chat.consent(chat.anna)
    chat.stage.worker_looks = False
    pool = chat.sessions.kw["bind"].sync_engine
    locks = []

    def note(connection, cursor, statement, *_):
        if "FROM users" in statement and "FOR UPDATE" in statement:
            locks.append(statement)

    event.listen(pool, "before_cursor_execute", note)
    try:
        await chat.anna.send_photo(jpeg())
        await chat.anna.wait_for(says("Проверяю"))
        await chat.settled()
    finally:
        event.remove(pool, "before_cursor_execute", note)
    assert len(locks) == 1


async def test_an_answer_finds_a_user_who_blocked_the_bot_gone_and_goes_on(chat, says, jpeg):
    await chat.consent(chat.anna)
    chat.stage.worker_looks = False
    await chat.anna.send_photo(jpeg())
    await chat.anna.wait_for(says("Проверяю"))
    await chat.anna.block()
    chat.stage.worker_looks = True
    for _ in range(100):
        (photo,) = await chat.references()
        if photo.answered_at:
            break
        await asyncio.sleep(0.05)
    assert photo.answered_at is not None
    assert (await chat.user(chat.anna)).blocked_at is not None


async def test_an_answer_that_telegram_does_not_take_is_due_again_and_holds_up_no_other(chat, says, jpeg, monkeypatch):
    await chat.consent(chat.anna)
    await chat.consent(chat.ben)
    taken = VerdictAnswers._send

    async def refuse_anna(self, answer, *rest):
        if answer.group.user_id == chat.anna.user_id:
            raise NotNow("on purpose")
        return await taken(self, answer, *rest)

    monkeypatch.setattr(VerdictAnswers, "_send", refuse_anna)
    await chat.anna.send_photo(jpeg(1))
    await chat.anna.wait_for(says("Проверяю"))
    await chat.ben.send_photo(jpeg(2))
    await chat.ben.wait_for(says("✅"))
    monkeypatch.undo()
    await chat.anna.wait_for(says("✅"))


async def test_deleting_everything_takes_the_waiting_answer_along(chat, says, jpeg):
    await chat.consent(chat.anna)
    chat.stage.worker_looks = False
    await chat.anna.send_photo(jpeg())
    looking = await chat.anna.wait_for(says("Проверяю"))
    await chat.press(chat.anna, PrivacyCallback(action=PrivacyAction.DELETE))
    assert looking.id not in [message.id for message in await chat.anna.transcript()]
    assert (await chat.row_counts())["reference_photos"] == 0


REFUSED = {
    Verdict.NO_PERSON: "Не вижу на фото человека",
    Verdict.SEVERAL_PEOPLE: "несколько человек",
    Verdict.TOO_SMALL: "слишком маленькое",
    Verdict.TOO_BLURRED: "слишком размытое",
    Verdict.TOO_DARK: "слишком тёмное",
    Verdict.UNREADABLE: "Не могу открыть",
    Verdict.MINOR: "я рисую только взрослых",
    Verdict.NUDITY: "Пришлите фото в одежде",
}


@pytest.mark.parametrize("verdict", REFUSED)
async def test_a_refusal_says_why_and_what_would_help(chat, says, jpeg, verdict):
    await chat.consent(chat.anna)
    chat.stage.verdicts[:] = [verdict]
    await chat.anna.send_photo(jpeg())
    answer = await chat.anna.wait_for(says(REFUSED[verdict]))
    assert "Пришлите своё фото" in answer.text, "and what comes next"


BAD = {
    "not an image": (lambda: b"%PDF-1.7 hello", "scan.pdf", "Это не фото"),
    "not an image by content": (lambda: b"hello" * 50, "photo.jpg", "Это не фото"),
    "truncated jpeg": (lambda: encoded(Image.effect_noise((300, 300), 90), "JPEG")[:5000], "a.jpg", "не полностью"),
    "decompression bomb": (bomb, "a.png", "слишком много пикселей"),
    "30 MB": (lambda: b"\0" * (30 << 20), "a.jpg", "больше 20 МБ"),
    "1 x 1": (lambda: encoded(Image.new("RGB", (1, 1)), "PNG"), "a.png", "слишком маленькое"),
    "20,000 x 10": (lambda: encoded(Image.new("RGB", (20_000, 10)), "PNG"), "a.png", "слишком вытянутое"),
    "animated gif": (lambda: frames("GIF"), "a.gif", "Это анимация"),
    "cut at 60 %": (lambda: cut(0.6), "a.jpg", "не полностью"),
    "animated webp": (lambda: frames("WEBP"), "a.webp", "Это анимация"),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_file_gets_a_clear_answer(chat, says, name):
    make, file_name, answer = BAD[name]
    await chat.grant(chat.anna, photos=0)
    await chat.anna.send_document(make(), name=file_name)
    reply = await chat.anna.wait_for(says(answer))
    assert "Пришлите своё фото" in reply.text
    assert await chat.stored_bytes() == [0]


UNUSUAL = {
    "cmyk": (cmyk_jpeg, "a.jpg", (300, 300)),
    "16-bit png": (deep_png, "a.png", (256, 256)),
    "heic": (heic, "IMG_0001.HEIC", (256, 256)),
    "exif-rotated": (with_exif_rotation, "a.jpg", (300, 400)),
    "transparent": (lambda: encoded(Image.new("RGBA", (300, 300), (9, 9, 9, 9)), "PNG"), "a.png", (300, 300)),
}


@pytest.mark.parametrize("name", UNUSUAL)
async def test_an_unusual_photo_is_accepted(chat, says, name):
    make, file_name, size = UNUSUAL[name]
    await chat.grant(chat.anna, photos=0)
    await chat.anna.send_document(make(), name=file_name)
    await chat.anna.wait_for(says("✅"))
    (photo,) = await chat.references()
    assert (photo.width, photo.height) == size


async def test_a_file_that_telegram_will_not_give_is_not_even_asked_for(chat, says):
    await chat.grant(chat.anna, photos=0)
    before = len(await chat.control.calls("getFile"))
    await chat.anna.send_document(b"\0" * (FILE_MAX_BYTES + 1), name="big.png")
    await chat.anna.wait_for(says("больше 20 МБ"))
    assert len(await chat.control.calls("getFile")) == before
