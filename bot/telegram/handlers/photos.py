"""Incoming photos: as photos or as files, alone or in albums, with or without a prompt."""

from __future__ import annotations

from aiogram import Bot, F, Router
from aiogram.types import Message

from bot.db.tables import User
from bot.errors import PromptIsCommand, PromptRefused, PromptTooLong
from bot.photos import Refusal
from bot.prompts import clean
from bot.telegram import image_prompt_buttons
from bot.telegram.handlers.prompts import ask_for_picture
from bot.telegram.photo_fetching import PhotoFetcher
from bot.telegram.refusals import MessageGone, suppress_refusals
from bot.translator import Texts
from bot.usecases import UseCases
from bot.usecases.image_prompts import ImagePromptResult
from bot.usecases.photos import SentPhoto
from bot.usecases.poses import PosePhotoResult
from bot.verdicts import refused_photo


def build() -> Router:
    router = Router(name="photos")
    router.message.register(refuse_animation, F.animation)
    router.message.register(take_photo, F.photo | F.document)
    return router


async def refuse_animation(message: Message, texts: Texts) -> None:
    await message.reply(texts("photo-verdict-animated"))


async def take_photo(
    message: Message, bot: Bot, user: User, texts: Texts, use: UseCases, fetch_photo: PhotoFetcher
) -> None:
    file = message.photo[-1] if message.photo else message.document
    assert file is not None
    prompt = await _prompt_of(message, texts)
    photo = await fetch_photo(bot, file)
    sent = SentPhoto(user.id, message.chat.id, message.message_id, message.media_group_id, photo, prompt)
    received = await use.receive_photo(sent)
    if isinstance(received, PosePhotoResult | ImagePromptResult):
        await _answer_asked(message, texts, use, sent, received)
    elif received.unannounced:
        looking = await message.reply(texts("photo-looking") if received.worker_alive else texts("photo-paused"))
        if not await use.announce_answer(received.reference_id, looking.message_id):
            with suppress_refusals(MessageGone):
                await looking.delete()


async def _answer_asked(
    message: Message, texts: Texts, use: UseCases, sent: SentPhoto, result: PosePhotoResult | ImagePromptResult
) -> None:
    """Answers an image prompt that was asked for, or a photo that cannot be examined as a pose photo: its file is
    unusable, or its album has a pose photo already. A prompt that came with it is drawn."""
    if result is ImagePromptResult.KEPT:
        await message.reply(texts("image-prompt-kept"), reply_markup=image_prompt_buttons.to_screen(texts))
    elif isinstance(sent.photo, Refusal) and result in (PosePhotoResult.REFUSED, ImagePromptResult.REFUSED):
        returned = "pose-prompt-returned" if result is PosePhotoResult.REFUSED else "image-prompt-returned"
        await message.reply(refused_photo(texts, sent.photo, sent.prompt, returned))
        return
    if sent.prompt is not None:
        await ask_for_picture(message, texts, use, sent.user_id, sent.prompt)


async def _prompt_of(message: Message, texts: Texts) -> str | None:
    """The caption as a prompt. The caption of a forwarded photo was written by another person and is no prompt; nor are
    emoji alone."""
    if message.caption is None or message.forward_origin is not None:
        return None
    try:
        return clean(message.caption)
    except PromptTooLong as error:
        await message.reply(texts(error.key, **error.variables))
    except PromptIsCommand:
        await message.reply(texts("caption-command"))
    except PromptRefused:
        pass
    return None
