"""Sends users the verdicts on their photos: one answer per photo, one for a whole album."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass

import structlog
from aiogram import Bot
from aiogram.types import BufferedInputFile, InlineKeyboardMarkup, ReplyParameters

from bot.domain import ReferenceState, Stage
from bot.errors import UnknownUser
from bot.numbered_people import numbered
from bot.photos import Refusal
from bot.styles import Styles
from bot.telegram import image_prompt_buttons, keyboards
from bot.telegram.drafts import draft_text
from bot.telegram.next_step import next_step
from bot.telegram.person_keyboards import person_name
from bot.telegram.refusals import ChatGone, MessageGone, TelegramRefusal, Unmodified, refusals
from bot.translator import Markup, Texts, Translator
from bot.usecases import UseCases
from bot.usecases.answers import Answer
from bot.verdicts import refused_photo, verdicts_text
from engine.contract import Verdict

IMAGE_PROMPT_VERDICTS = frozenset(
    {
        Verdict.ACCEPTED,
        Verdict.NO_PERSON,
        Verdict.SEVERAL_PEOPLE,
        Verdict.TOO_SMALL,
        Verdict.TOO_BLURRED,
        Verdict.TOO_DARK,
        Refusal.KNOWN,
    }
)
"""A photo that cannot serve as one of the person may still show a style."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class VerdictAnswers:
    """Call it after verdicts were stored, and at every tick: it sends the answers that are due.

    Only one task may call it at a time; it is the dispatcher's loop.
    """

    bot: Bot
    use: UseCases
    translator: Translator
    styles: Styles

    async def __call__(self) -> None:
        """Sends the answers that are due. One that Telegram does not accept now stays due."""
        for answer in await self.use.read_answers():
            try:
                text, buttons = await self._render(answer)
                await self._offer_choices(answer)
                message_id = await self._send(answer, text, buttons)
            except UnknownUser:  # they deleted everything meanwhile
                continue
            except TelegramRefusal as error:
                _log.warning("a photo's answer was not taken", chat=answer.group.chat_id, error=str(error)[:200])
                continue
            await self.use.read_answers.settle(answer, message_id)

    async def _offer_choices(self, answer: Answer) -> None:
        """Sends photos of several people back with numbered boxes and a button for each person, and asks one question
        about photos of another person than the earlier ones."""
        texts = self.translator.of(answer.language)
        if answer.of_others:
            first = answer.of_others[0]
            with suppress(ChatGone), refusals():
                await self.bot.send_message(
                    answer.group.chat_id,
                    texts("other-person-ask", count=len(answer.of_others)),
                    reply_parameters=ReplyParameters(message_id=first.message_id, allow_sending_without_reply=True),
                    reply_markup=keyboards.other_person(texts, first.id),
                )
        for photo in answer.choices:
            boxes = photo.boxes or []
            picture = await asyncio.to_thread(numbered, photo.image, boxes)
            with suppress(ChatGone), refusals():
                await self.bot.send_photo(
                    answer.group.chat_id,
                    BufferedInputFile(picture, "people.jpg"),
                    caption=texts("photo-choose-person"),
                    reply_parameters=ReplyParameters(message_id=photo.message_id, allow_sending_without_reply=True),
                    reply_markup=keyboards.people(texts, photo.id, len(boxes)),
                )

    async def _render(self, answer: Answer) -> tuple[Markup, InlineKeyboardMarkup | None]:
        texts = self.translator.of(answer.language)
        if answer.is_pose:
            return await self._render_pose(answer, texts)
        after, buttons = await self._after(answer, texts)
        verdicts = verdicts_text(texts, answer.photos, album=answer.group.album_id is not None)
        if _may_be_image_prompt(answer):
            buttons = image_prompt_buttons.with_take_photo(buttons, texts)
        person = await self._person(answer, texts)
        return Markup("\n\n".join([verdicts, *person, *after])), buttons

    async def _person(self, answer: Answer, texts: Texts) -> list[Markup]:
        """The name of the person on these photos, if the user has several people."""
        persons = await self.use.people.list(answer.group.user_id)
        owners = {photo.person_id for photo in answer.photos if photo.state == ReferenceState.ACCEPTED}
        candidates = [person for person in persons if person.id in owners]
        return [texts("photo-of-person", name=person_name(texts, person)) for person in candidates if len(persons) > 1]

    async def _render_pose(self, answer: Answer, texts: Texts) -> tuple[Markup, InlineKeyboardMarkup | None]:
        """The answer to a pose photo. A waiting prompt is drawn in the pose, or returned to the user if the pose was
        refused."""
        (photo,) = answer.photos
        if photo.verdict == Verdict.ACCEPTED:
            draft = await self.use.draw_draft(answer.group.user_id, answer.group.chat_id, answer.photos)
            note = texts("pose-photo-kept")
            if draft is None:
                return note, keyboards.to_poses(texts)
            return Markup(f"{note}\n\n{draft_text(texts, self.styles, draft)}"), keyboards.to_poses(texts)
        prompt = await self.use.take_back_draft(answer.group.user_id)
        return refused_photo(texts, photo.verdict, prompt), None

    async def _after(self, answer: Answer, texts: Texts) -> tuple[list[Markup], InlineKeyboardMarkup | None]:
        """The text and buttons after the verdict: a waiting prompt is drawn, else the next question is asked. If no
        photo is accepted now but earlier ones are, the refusal stands alone."""
        draft = await self.use.draw_draft(answer.group.user_id, answer.group.chat_id, answer.photos)
        if draft is not None:
            return [draft_text(texts, self.styles, draft)], None
        stage, style = await self.use.find_stage(answer.group.user_id)
        refused = all(photo.state == ReferenceState.REJECTED for photo in answer.photos)
        if refused and stage in (Stage.STYLE, Stage.PROMPT):
            return [], None
        text, buttons = next_step(texts, self.styles, stage, style)
        return [text], buttons

    async def _send(self, answer: Answer, text: str, buttons: InlineKeyboardMarkup | None) -> int | None:
        """Sends or edits the answer. Returns the id of its message; `None` when the bot may no longer write to the
        chat."""
        chat_id = answer.group.chat_id
        reply = ReplyParameters(message_id=answer.group.message_id, allow_sending_without_reply=True)
        try:
            if answer.message_id is not None:
                with suppress(MessageGone):
                    await self._edit(chat_id, answer.message_id, text, buttons)
                    return answer.message_id
            with refusals():
                sent = await self.bot.send_message(chat_id, text, reply_parameters=reply, reply_markup=buttons)
        except ChatGone:
            return None
        return sent.message_id

    async def _edit(self, chat_id: int, message_id: int, text: str, buttons: InlineKeyboardMarkup | None) -> None:
        with suppress(Unmodified), refusals():
            await self.bot.edit_message_text(text, chat_id=chat_id, message_id=message_id, reply_markup=buttons)


def _may_be_image_prompt(answer: Answer) -> bool:
    """Whether the photo can become an image prompt: it came alone, so that it is clear which one is meant, could be
    read, and is allowed."""
    return answer.image_prompts and answer.group.album_id is None and answer.photos[0].verdict in IMAGE_PROMPT_VERDICTS
