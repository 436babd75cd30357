"""The image prompt: its screen, and the buttons that make a picture or a photo the image prompt."""

from __future__ import annotations

from aiogram import Bot, F, Router
from aiogram.types import CallbackQuery, Document, Message, PhotoSize

from bot.db.tables import User
from bot.domain import ReferenceState
from bot.errors import PictureGone
from bot.photos import NormalPhoto, Refusal
from bot.styles import Styles
from bot.telegram import image_prompt_buttons
from bot.telegram.callbacks import ImagePromptAction, ImagePromptCallback, JobAction, JobCallback
from bot.telegram.drafts import draft_text
from bot.telegram.edits import Toast, edit_text, message_of
from bot.telegram.next_step import next_step
from bot.telegram.photo_fetching import PhotoFetcher
from bot.translator import Markup, Texts
from bot.usecases import UseCases
from bot.usecases.image_prompts import ImagePromptState
from bot.verdicts import verdict_key
from engine.contract import REFERENCES_MAX


def build() -> Router:
    router = Router(name="image_prompts")
    router.callback_query.register(take_picture, JobCallback.filter(F.action == JobAction.TAKE_STYLE))
    router.callback_query.register(take_photo, ImagePromptCallback.filter(F.action == ImagePromptAction.TAKE_PHOTO))
    router.callback_query.register(choose, ImagePromptCallback.filter())
    return router


async def choose(
    callback: CallbackQuery, callback_data: ImagePromptCallback, user: User, texts: Texts, use: UseCases
) -> Toast | None:
    message = message_of(callback)
    match callback_data.action:
        case ImagePromptAction.ASK:
            if not await use.image_prompts.offered():
                return _unavailable(texts)
            await use.image_prompts.ask(user.id)
            if message is not None:
                await edit_text(message, texts("image-prompt-ask"), image_prompt_buttons.back_to_screen(texts))
            return None
        case ImagePromptAction.CHOOSE | ImagePromptAction.NONE:
            await use.image_prompts.choose(user.id, chosen=callback_data.action == ImagePromptAction.CHOOSE)
        case ImagePromptAction.PIN | ImagePromptAction.UNPIN:
            await use.image_prompts.pin(user.id, pinned=callback_data.action == ImagePromptAction.PIN)
        case ImagePromptAction.DELETE:
            await use.image_prompts.delete(user.id)
    state = await use.image_prompts.state(user.id)
    if message is not None:
        text = texts("image-prompt", image_prompt=image_prompt_label(texts, state))
        await edit_text(message, text, image_prompt_buttons.screen(texts, state))
    return None if state.offered else _unavailable(texts)


def image_prompt_label(texts: Texts, state: ImagePromptState) -> Markup:
    """The line about the image prompt: whether there is one, and to which pictures it applies."""
    if not state.chosen:
        return texts("image-prompt-none")
    return texts("image-prompt-pinned" if state.pinned else "image-prompt-once")


async def take_picture(
    callback: CallbackQuery,
    callback_data: JobCallback,
    bot: Bot,
    user: User,
    texts: Texts,
    use: UseCases,
    fetch_photo: PhotoFetcher,
) -> Toast | None:
    """Makes a picture of the bot the image prompt."""
    job = await use.find_picture(user.id, callback_data.job_id)
    if job.result_file_id is None or callback.message is None:
        raise PictureGone
    if not await use.image_prompts.offered():
        return _unavailable(texts)
    file = PhotoSize(file_id=job.result_file_id, file_unique_id=job.result_file_id, width=0, height=0)
    photo = await fetch_photo(bot, file)
    if isinstance(photo, Refusal):
        return _refused(texts, photo)
    await use.image_prompts.take_picture(user.id, callback.message.message_id, job.id, photo)
    message = message_of(callback)
    if message is not None:
        await message.reply(texts("image-prompt-kept"), reply_markup=image_prompt_buttons.to_screen(texts))
    return None


async def take_photo(
    callback: CallbackQuery,
    bot: Bot,
    user: User,
    texts: Texts,
    use: UseCases,
    styles: Styles,
    fetch_photo: PhotoFetcher,
) -> Toast | None:
    """Makes the photo to which the message replies the image prompt; it no longer counts as a photo of the person."""
    message = message_of(callback)
    photo_message = None if message is None else message.reply_to_message
    file = None if photo_message is None else _file_of(photo_message)
    if message is None or photo_message is None or file is None:
        return Toast(texts("image-prompt-photo-gone"), alert=True)
    if not await use.image_prompts.offered():
        return _unavailable(texts)
    photo = await fetch_photo(bot, file)
    if isinstance(photo, Refusal):
        return _refused(texts, photo)
    text = await _taken(user, texts, use, styles, photo_message, photo)
    await edit_text(message, text, image_prompt_buttons.to_screen(texts))
    return None


async def _taken(
    user: User, texts: Texts, use: UseCases, styles: Styles, message: Message, photo: NormalPhoto
) -> Markup:
    """Makes the photo of `message` the image prompt. Returns the answer, with the prompt that waited for it or with the
    next question."""
    was_reference = await use.image_prompts.take_photo(user.id, message.chat.id, message.message_id, photo)
    parts = [texts("image-prompt-kept")]
    if was_reference:
        parts.append(texts("image-prompt-moved"))
    draft = await use.draw_draft(user.id, message.chat.id, [])
    if draft is not None:
        parts.append(draft_text(texts, styles, draft))
    else:
        parts.append(next_step(texts, styles, *await use.find_stage(user.id))[0])
    return Markup("\n\n".join(parts))


def _file_of(message: Message) -> PhotoSize | Document | None:
    return message.photo[-1] if message.photo else message.document


def _unavailable(texts: Texts) -> Toast:
    return Toast(texts("image-prompt-unavailable"), alert=True)


def _refused(texts: Texts, refusal: Refusal) -> Toast:
    return Toast(texts(verdict_key(ReferenceState.REJECTED, refusal), limit=REFERENCES_MAX), alert=True)
