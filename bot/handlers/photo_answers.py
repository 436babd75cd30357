"""Telling users what became of their photos: one answer a photo, one for a whole album."""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from aiogram import Bot
from aiogram.exceptions import TelegramAPIError, TelegramBadRequest, TelegramForbiddenError
from aiogram.types import InlineKeyboardMarkup, ReplyParameters

from bot.domain import ReferenceState
from bot.errors import UnknownUser
from bot.handlers.replies import is_gone, next_step
from bot.styles import Styles
from bot.translator import Markup, Texts, Translator
from bot.usecases.answers import Answer
from bot.usecases.drafts import DrawnDraft
from bot.usecases.wiring import UseCases
from engine.contract import REFERENCES_MAX

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class VerdictAnswers:
    """Call it after verdicts were stored, and now and then: it gives the answers that are due.

    Not for two tasks at once: the dispatcher's loop is its caller.
    """

    use: UseCases
    translator: Translator
    styles: Styles

    async def __call__(self, bot: Bot) -> int:
        """Gives how many answers were given; one that Telegram does not take now is due again."""
        given = 0
        for answer in await self.use.read_answers():
            try:
                text, buttons = await self._render(answer)
                message_id = await self._tell(bot, answer, text, buttons)
            except UnknownUser:  # they deleted everything meanwhile
                continue
            except TelegramAPIError as error:
                _log.warning("a photo's answer was not taken", chat=answer.group.chat_id, error=str(error)[:200])
                continue
            await self.use.read_answers.settle(answer, message_id)
            given += 1
        return given

    async def _render(self, answer: Answer) -> tuple[Markup, InlineKeyboardMarkup | None]:
        texts = self.translator.of(answer.language)
        draft = await self.use.draw_draft(answer.group.user_id, answer.group.chat_id)
        if draft is not None:
            next_text, buttons = _draft_text(texts, self.styles, draft), None
        else:
            next_text, buttons = await self._next(answer, texts)
        return Markup(f"{verdicts_text(texts, answer)}\n\n{next_text}"), buttons

    async def _next(self, answer: Answer, texts: Texts) -> tuple[Markup, InlineKeyboardMarkup | None]:
        stage, style = await self.use.find_stage(answer.group.user_id)
        return next_step(texts, self.styles, stage, style)

    async def _tell(self, bot: Bot, answer: Answer, text: str, buttons: InlineKeyboardMarkup | None) -> int | None:
        """The message that holds the answer now; `None` when the user cannot be reached any more."""
        chat_id = answer.group.chat_id
        try:
            if answer.message_id is not None:
                try:
                    await bot.edit_message_text(
                        text, chat_id=chat_id, message_id=answer.message_id, reply_markup=buttons
                    )
                    return answer.message_id
                except TelegramBadRequest as error:
                    if "message is not modified" in error.message:
                        return answer.message_id
                    if not is_gone(error):
                        raise
            reply = ReplyParameters(message_id=answer.group.message_id, allow_sending_without_reply=True)
            sent = await bot.send_message(chat_id, text, reply_parameters=reply, reply_markup=buttons)
            return sent.message_id
        except TelegramForbiddenError:
            return None
        except TelegramBadRequest as error:
            if "chat not found" not in error.message:
                raise
            return None


def verdicts_text(texts: Texts, answer: Answer) -> Markup:
    """The verdict on a photo; for an album a line each, in the order in which they were sent."""
    verdicts = [texts(verdict_key(photo.state, photo.verdict), limit=REFERENCES_MAX) for photo in answer.photos]
    if answer.group.album_id is None:
        return verdicts[0]
    lines = [texts("photo-album-line", number=number, verdict=text) for number, text in enumerate(verdicts, 1)]
    accepted = sum(photo.state == ReferenceState.ACCEPTED for photo in answer.photos)
    return Markup("\n".join([texts("photo-album", accepted=accepted, photos=len(lines)), *lines]))


def verdict_key(state: str, verdict: str | None) -> str:
    """The text of a verdict of the engine, or of a refusal of our own."""
    found = "accepted" if state == ReferenceState.ACCEPTED else verdict or "unreadable"
    return f"photo-verdict-{found.replace('_', '-')}"


def _draft_text(texts: Texts, styles: Styles, draft: DrawnDraft) -> Markup:
    if not draft.submitted:
        return texts("draft-refused", limit=draft.limit, words=draft.words)
    return texts("draft-drawn", words=draft.words, style=styles[draft.style].label(texts.language))
