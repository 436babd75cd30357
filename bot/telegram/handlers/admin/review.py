"""Review: reported pictures and appeals against refusals, oldest first. The only place of /admin that shows content."""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

from aiogram import Bot, F, Router
from aiogram.types import (
    BufferedInputFile,
    CallbackQuery,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaPhoto,
    MediaUnion,
)

from bot.db.review import CaseFile
from bot.domain import CaseKind
from bot.telegram.account_views import reason_text
from bot.telegram.admin_callbacks import (
    AccountAction,
    AccountCallback,
    CaseAction,
    CaseCallback,
    DeskAction,
    DeskCallback,
)
from bot.telegram.admin_views import back, button, date_of, keyboard
from bot.telegram.edits import ButtonAnswer, Toast, edit_buttons, message_of
from bot.telegram.handlers.admin.access import admin_router
from bot.telegram.picture_removal import take_back
from bot.telegram.quotes import quoted
from bot.telegram.refusals import ApiRefusal, TelegramRefusal, refusals, suppress_refusals
from bot.translator import Markup, Texts, Translator
from bot.usecases import UseCases
from bot.usecases.admin.review import Decision, Evidence

PROMPT_MAX = 700
"""UTF-16 units; a caption has 1024."""


def build() -> Router:
    router = admin_router("admin review")
    router.callback_query.register(open_next, DeskCallback.filter(F.action == DeskAction.REVIEW))
    router.callback_query.register(open_case, CaseCallback.filter(F.action == CaseAction.OPEN))
    router.callback_query.register(skip, CaseCallback.filter(F.action == CaseAction.NEXT))
    router.callback_query.register(decide, CaseCallback.filter())
    return router


async def open_next(callback: CallbackQuery, answer: ButtonAnswer, bot: Bot, texts: Texts, use: UseCases) -> None:
    await answer()
    await _show(callback, bot, texts, await use.admin.reviews.view_next(callback.from_user.id))


async def open_case(
    callback: CallbackQuery,
    callback_data: CaseCallback,
    answer: ButtonAnswer,
    bot: Bot,
    texts: Texts,
    use: UseCases,
) -> Toast | None:
    evidence = await use.admin.reviews.view(callback.from_user.id, callback_data.case_id)
    if evidence is None or evidence.file.case.decided_at is not None:
        return Toast(texts("review-decided-before"), alert=True)
    await answer()
    await _show(callback, bot, texts, evidence)
    return None


async def skip(
    callback: CallbackQuery,
    callback_data: CaseCallback,
    answer: ButtonAnswer,
    bot: Bot,
    texts: Texts,
    use: UseCases,
) -> None:
    await answer()
    await _show(callback, bot, texts, await use.admin.reviews.view_next(callback.from_user.id, callback_data.case_id))


async def decide(
    callback: CallbackQuery,
    callback_data: CaseCallback,
    answer: ButtonAnswer,
    bot: Bot,
    texts: Texts,
    use: UseCases,
    translator: Translator,
) -> None:
    upheld = callback_data.action == CaseAction.UPHOLD
    decision = await use.admin.reviews.decide(callback.from_user.id, callback_data.case_id, upheld=upheld)
    known = decision is None
    await answer(Toast(texts("review-decided-before" if known else "review-decided"), alert=known))
    message = message_of(callback)
    if message is not None:
        await edit_buttons(message, None)
    if decision is not None:
        await _answer_user(bot, decision, translator, upheld=upheld)
        await _show(callback, bot, texts, await use.admin.reviews.view_next(callback.from_user.id))


async def _answer_user(bot: Bot, decision: Decision, translator: Translator, *, upheld: bool) -> None:
    """Tells the reporter of a removal, and the appellant of the decision. A kept picture is no news."""
    file, texts = decision.file, translator.of(decision.file.language)
    report = file.case.kind == CaseKind.REPORT
    if report and not upheld:
        return
    key = "review-removed" if report else "review-appeal-upheld" if upheld else "review-appeal-dismissed"
    for message in decision.shown:
        with suppress(TelegramRefusal):
            await take_back(bot, [message], texts)
    with suppress_refusals(TelegramRefusal):
        await bot.send_message(file.case.user_id, texts(key))


async def _show(callback: CallbackQuery, bot: Bot, texts: Texts, evidence: Evidence | None) -> None:
    chat_id = callback.from_user.id
    if evidence is None:
        await bot.send_message(chat_id, texts("review-empty"), reply_markup=keyboard(back(texts)))
        return
    file, text = evidence.file, case_text(texts, evidence.file)
    buttons = _buttons(texts, file)
    if file.case.kind == CaseKind.REPORT and file.job.result_file_id is not None:
        with suppress(ApiRefusal), refusals():  # it falls back to the text
            await bot.send_photo(chat_id, file.job.result_file_id, caption=text, reply_markup=buttons)
            return
    if evidence.photos:
        await _send_photos(bot, chat_id, evidence.photos)
        text = Markup(f"{text}\n{texts('review-photo-below')}")
    elif file.case.kind == CaseKind.REPORT:
        text = Markup(f"{text}\n{texts('review-no-picture')}")
    await bot.send_message(chat_id, text, reply_markup=buttons)


async def _send_photos(bot: Bot, chat_id: int, photos: list[bytes]) -> None:
    files = [BufferedInputFile(photo, f"photo-{number}.jpg") for number, photo in enumerate(photos, 1)]
    if len(files) == 1:
        await bot.send_photo(chat_id, files[0])
    else:
        media: list[MediaUnion] = [InputMediaPhoto(media=file) for file in files]
        await bot.send_media_group(chat_id, media)


def case_text(texts: Texts, file: CaseFile) -> Markup:
    report = file.case.kind == CaseKind.REPORT
    return texts(
        "review-report" if report else "review-appeal",
        reason=texts(f"report-{file.case.reason}-button") if report else reason_text(texts, file.case.reason),
        prompt=quoted(texts, file.job.prompt, PROMPT_MAX) if file.job.prompt else "—",
        user=str(file.case.user_id),
        date=date_of(file.case.opened_at),
    )


def _buttons(texts: Texts, file: CaseFile) -> InlineKeyboardMarkup:
    def act(key: str, action: CaseAction, case_id: UUID = file.case.id) -> InlineKeyboardButton:
        return button(texts(key), CaseCallback(action=action, case_id=case_id))

    report = file.case.kind == CaseKind.REPORT
    user = AccountCallback(action=AccountAction.VIEW, user_id=file.case.user_id)
    return keyboard(
        [
            act("review-delete-button" if report else "review-wrong-button", CaseAction.UPHOLD),
            act("review-keep-button" if report else "review-right-button", CaseAction.DISMISS),
        ],
        [button(texts("review-user-button"), user), act("review-next-button", CaseAction.NEXT)],
        back(texts),
    )


def open_button(texts: Texts, case_id: UUID) -> InlineKeyboardMarkup:
    """Under the notice of a new case."""
    return keyboard([button(texts("review-open-button"), CaseCallback(action=CaseAction.OPEN, case_id=case_id))])
