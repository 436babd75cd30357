"""Middlewares around every handler: the user's row, texts in their language, answers to buttons, errors."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from math import inf
from typing import Any

from aiogram import BaseMiddleware
from aiogram.dispatcher.event.bases import UNHANDLED
from aiogram.enums import ChatType
from aiogram.exceptions import TelegramAPIError
from aiogram.types import CallbackQuery, Chat, Message, TelegramObject, Update
from aiogram.types import User as TelegramUser

from bot.db.session import is_outage
from bot.errors import DomainError
from bot.telegram.edits import ButtonAnswer, Toast, answer_button
from bot.telegram.refusals import flood_wait_s, is_absence
from bot.translator import Texts, Translator, language_of
from bot.usecases import UseCases

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]
DOUBLE_TAP_S = 0.7
TAPS_REMEMBERED = 10_000


class KnowUser(BaseMiddleware):
    """Gives handlers `texts`, and in private chats `user`: the row is created or updated."""

    def __init__(self, use: UseCases, translator: Translator) -> None:
        self._use = use
        self._translator = translator

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        sender: TelegramUser | None = data.get("event_from_user")
        chat: Chat | None = data.get("event_chat")
        language = language_of(sender.language_code if sender else None)
        private = chat is not None and chat.type == ChatType.PRIVATE
        is_talk = isinstance(event, Update) and event.my_chat_member is None
        if sender is not None and not sender.is_bot and private and is_talk:
            user = await self._use.meet_user(sender.id, language)
            data["user"], language = user, user.language
        data["texts"] = self._translator.of(language)
        return await handler(event, data)


class SendNotice(BaseMiddleware):
    """Answers with the text `notice`, if it is set, instead of handling: the update is over the limit, or its handler
    hung."""

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        notice: str | None = data.get("notice")
        if notice is None:
            return await handler(event, data)
        texts: Texts = data["texts"]
        if isinstance(event, CallbackQuery):
            await answer_button(event, Toast(texts(notice), alert=True))
        elif isinstance(event, Message) and event.chat.type == ChatType.PRIVATE:
            await event.reply(texts(notice))
        return None


class ReplyErrors(BaseMiddleware):
    """Answers a message whose handler fails: with the text of a DomainError, for any other error with an apology."""

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        assert isinstance(event, Message)
        texts: Texts = data["texts"]
        try:
            return await handler(event, data)
        except DomainError as error:
            return await event.reply(texts(error.key, **error.variables))
        except Exception as error:
            if not _is_tried_again(error):
                with suppress(TelegramAPIError):
                    await event.reply(texts("error-unexpected"))
            raise


class AnswerCallbacks(BaseMiddleware):
    """Answers every button: with the `Toast` that its handler returns, or silently. A double tap is handled once. Gives
    handlers `answer`, for those that answer before slow work."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._taps = Taps(clock)

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        assert isinstance(event, CallbackQuery)
        if not self._taps.begin(event):
            await answer_button(event)
            return None
        try:
            return await self._handle(handler, event, data)
        finally:
            self._taps.end(event)

    async def _handle(self, handler: Handler, event: CallbackQuery, data: dict[str, Any]) -> Any:
        texts: Texts = data["texts"]
        answer = data["answer"] = ButtonAnswer(event)
        try:
            result = await handler(event, data)
        except DomainError as error:
            result = Toast(texts(error.key, **error.variables), alert=True)
        except Exception as error:
            if not _is_tried_again(error):
                await answer(Toast(texts("error-unexpected")))
            raise
        await answer(result if isinstance(result, Toast) else None)
        return None if result is UNHANDLED else result


class Taps:
    """Recognises a double tap: a second tap on a button while the first is handled, or a moment after.

    A tap that is handled again after an outage is not a double tap.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._latest: OrderedDict[tuple[int, int, str | None], tuple[str, float]] = OrderedDict()

    def begin(self, tap: CallbackQuery) -> bool:
        """Records a tap; `False` for the second of a double tap."""
        latest = self._latest.get(_button(tap))
        if latest is not None and latest[0] != tap.id and self._clock() - latest[1] < DOUBLE_TAP_S:
            return False
        self._note(tap, inf)
        return True

    def end(self, tap: CallbackQuery) -> None:
        self._note(tap, self._clock())

    def _note(self, tap: CallbackQuery, when: float) -> None:
        self._latest[_button(tap)] = (tap.id, when)
        self._latest.move_to_end(_button(tap))
        while len(self._latest) > TAPS_REMEMBERED:
            self._latest.popitem(last=False)


def _button(tap: CallbackQuery) -> tuple[int, int, str | None]:
    return tap.from_user.id, tap.message.message_id if tap.message else 0, tap.data


def _is_tried_again(error: Exception) -> bool:
    """Whether `bot.telegram.intake` will handle the whole update again, so that an apology would be wrong."""
    return is_outage(error) or flood_wait_s(error) is not None or is_absence(error)
