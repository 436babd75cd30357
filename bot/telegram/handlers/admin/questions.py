"""Asks an admin for an input; `answers` takes the reply."""

from __future__ import annotations

from aiogram.types import CallbackQuery, ForceReply

from bot.admin_acts import QuestionKind
from bot.telegram.edits import message_of
from bot.translator import Markup
from bot.usecases import UseCases


async def ask(
    callback: CallbackQuery, use: UseCases, text: Markup, kind: QuestionKind, subject: int | None = None
) -> None:
    message = message_of(callback)
    if message is None:
        return
    question = await message.answer(text, reply_markup=ForceReply())
    await use.admin.questions.ask(callback.from_user.id, question.message_id, kind, subject)
