"""One real conversation from the first /start to the picture, played over HTTP against the whole stack.

Server, bot, dispatcher, queue, worker and model are those of `make run`; a program writes the messages.
"""

from __future__ import annotations

import asyncio
import io
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pillow_heif
import skimage.data
from PIL import Image, UnidentifiedImageError
from rich.console import Console

from bot.domain import CONSENT_VERSION, ReferenceState
from bot.local.botapi import BEN_ID, Person
from bot.local.botapi.errors import PersonError
from bot.local.botapi.person import PersonTimeout
from bot.local.botapi.views import ChatMessage
from bot.local.chat_picture import Bubble, draw_chat
from bot.local.environment import ROOT
from bot.local.parts import StackError, last_words, shown
from bot.local.supervisor import TEND_INTERVAL_S, Stack, kept_up
from bot.local.terminal import Terminal
from bot.photos import Refusal
from bot.styles import load_styles
from bot.telegram.callbacks import (
    ConsentCallback,
    JobAction,
    SettingsAction,
    SettingsCallback,
    StyleCallback,
    StylePageCallback,
)
from bot.telegram.preset_pages import page_with
from bot.translator import Translator
from bot.verdicts import verdict_key
from engine.contract import PHOTO_FORMATS, PROMPT_MAX_CHARS, REFERENCES_MAX, Verdict

OUT = ROOT / "demo" / "out"
DEFAULT_PHOTO = Path(skimage.data.__file__).with_name("astronaut.png")
DEFAULT_PROMPT = "a full-length photo of a person waving a hand"
DEFAULT_STYLE = "mountains"
PREVIEWS_SHOWN = 4
START_PATIENCE_S = 240.0
PICTURE_PATIENCE_S = 600.0
OUTSIDE = ("BOT_TOKEN", "BOT_API_URL", "DATABASE_URL", "BROKER_URL", "ADMIN_IDS")
"""Settings that the demo never takes from the environment: it is local from end to end."""


@dataclass(frozen=True)
class DemoRequest:
    """The request of the demo: a readable photo, an existing style, a prompt of legal length."""

    photo: Path
    prompt: str
    style: str

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> DemoRequest:
        """Reads PHOTO, PROMPT and STYLE. Raises StackError, which names the remedy."""
        photo = Path(environment.get("PHOTO", str(DEFAULT_PHOTO))).expanduser()
        style = environment.get("STYLE", DEFAULT_STYLE)
        prompt = environment.get("PROMPT", DEFAULT_PROMPT)
        if not photo.is_file():
            raise StackError(f"PHOTO={photo} is no file: give the path of a photo, as in make demo PHOTO=me.jpg")
        pillow_heif.register_heif_opener()
        try:
            with Image.open(photo, formats=PHOTO_FORMATS) as image:
                image.load()
        except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
            raise StackError(f"PHOTO={photo} cannot be read as a picture ({error}): give a JPEG or PNG") from error
        names = [preset.name for preset in load_styles().presets]
        if style not in names:
            raise StackError(f"STYLE={style} is no style: choose one of {', '.join(names)}")
        if len(prompt) > PROMPT_MAX_CHARS:
            raise StackError(f"PROMPT has {len(prompt)} characters: at most {PROMPT_MAX_CHARS} fit")
        return cls(photo, prompt, style)


@dataclass
class Conversation:
    """The results: the chat as it stands at the end, its pictures by message, and the previews on the way."""

    messages: list[ChatMessage] = field(default_factory=list)
    pictures: dict[int, Image.Image] = field(default_factory=dict)
    previews: list[Image.Image] = field(default_factory=list)
    result: ChatMessage | None = None


def play(state_dir: Path, terminal: Terminal, environment: Mapping[str, str], out: Path = OUT) -> int:
    """Play the conversation and leave its pictures in `out`. Gives 0 only if there is a picture."""
    request = DemoRequest.read(environment)
    started = time.monotonic()
    inside = {key: value for key, value in environment.items() if key not in OUTSIDE}
    stack = Stack(state_dir, terminal, inside, fresh=True)
    with kept_up(stack):
        conversation = asyncio.run(_converse_while_tended(stack, request, terminal))
        terminal.doing("stopping")
    if not report(conversation, request, terminal, out):
        terminal.fail(f"no picture was made; the logs are in {shown(state_dir / 'logs')}/")
        return 1
    terminal.done(f"a picture in {time.monotonic() - started:.0f} s; `make run` keeps the bot up for you")
    return 0


def report(conversation: Conversation, request: DemoRequest, terminal: Terminal, out: Path) -> bool:
    """Write the pictures to `out`, print the chat; whether a picture was made."""
    paths = _save(conversation, request, out)
    _print_transcript(conversation.messages, terminal.console)
    for what, path in paths.items():
        terminal.done(f"{what}: {shown(path)}")
    return conversation.result is not None


async def _converse_while_tended(stack: Stack, request: DemoRequest, terminal: Terminal) -> Conversation:
    """The conversation, while crashed parts are started again; a part that stays down ends it with StackError."""

    async def tend() -> None:
        while True:
            stack.tend()
            await asyncio.sleep(TEND_INTERVAL_S)

    assert stack.chat_url is not None
    tending = asyncio.create_task(tend())
    talking = asyncio.create_task(converse(stack.chat_url, request, terminal))
    await asyncio.wait({tending, talking}, return_when=asyncio.FIRST_COMPLETED)
    try:
        if tending.done():
            await tending
        return await talking
    except PersonTimeout as error:
        words = "\n".join(last_words(stack.part(name)) for name in ("bot", "worker"))
        raise StackError(f"{error}\n{words}") from error
    except PersonError as error:
        raise StackError(f"the conversation broke off: {error}") from error
    finally:
        for task in (tending, talking):
            task.cancel()
            with suppress(asyncio.CancelledError, StackError, PersonError, PersonTimeout):
                await task


async def converse(url: str, request: DemoRequest, terminal: Terminal, user_id: int = BEN_ID) -> Conversation:
    """The conversation of a person who is new to the bot. Raises StackError if the photo is refused."""
    conversation = Conversation()
    async with Person(url, user_id) as person:
        terminal.doing("saying hello")
        await person.send_text("/start")
        agree = ConsentCallback(version=CONSENT_VERSION).pack()
        await person.wait_for(lambda message: message.button(agree) is not None, START_PATIENCE_S)
        await person.press(agree)
        await person.wait_for(lambda message: bool(message.text), START_PATIENCE_S)
        terminal.done("agreed to the terms")

        terminal.doing("sending the photo, waiting for the worker to look at it")
        await person.send_photo(request.photo)
        styles = SettingsCallback(action=SettingsAction.STYLES).pack()
        answer = await person.wait_for(
            lambda message: message.button(styles) is not None or _refusal(message) is not None, START_PATIENCE_S
        )
        if refusal := _refusal(answer):
            raise StackError(f"the bot did not take the photo ({refusal}): try another one, make demo PHOTO=me.jpg")
        terminal.done("photo accepted")

        await person.press(styles)
        await _choose_style(person, request.style)
        terminal.done(f"style chosen: {request.style}")

        terminal.doing("sending the prompt")
        await person.send_text(request.prompt)
        conversation.result = await _follow(person, conversation, terminal)
        conversation.messages = await person.wait_until(_no_status, PICTURE_PATIENCE_S)
        for message in conversation.messages:
            if message.photo:
                conversation.pictures[message.id] = await _picture(person, message)
    return conversation


async def _choose_style(person: Person, name: str) -> None:
    """Turn the pages of styles until it is there."""
    style = StyleCallback(name=name).pack()
    target = page_with("style", load_styles().names, name)
    for number in range(1, target.number + 1):
        await person.wait_for(_has_button(StylePageCallback(page=number).pack()), START_PATIENCE_S)
        await person.press(StylePageCallback(page=number).pack())
    await person.wait_for(_has_button(style), START_PATIENCE_S)
    await person.press(style)
    await person.wait_for(lambda message: bool(message.text), START_PATIENCE_S)


def _has_button(data: str) -> Callable[[ChatMessage], bool]:
    return lambda message: message.button(data) is not None


async def _follow(person: Person, conversation: Conversation, terminal: Terminal) -> ChatMessage | None:
    """Watch the status message until the picture comes; None if the job failed."""
    started = time.monotonic()
    shown_so_far: set[str] = set()
    mark = person.mark
    deadline = started + PICTURE_PATIENCE_S
    while True:
        message = await person.wait_for(
            _is_status,
            max(1.0, deadline - time.monotonic()),
            since=mark,
        )
        mark = message.seq
        actions = _job_actions(message)
        if JobAction.CANCEL not in actions:
            if message.photo is None:
                terminal.warn(f"the bot says: {message.text}")
                return None
            terminal.done(f"picture delivered after {time.monotonic() - started:.1f} s")
            return message
        if message.photo and message.photo.url not in shown_so_far:
            shown_so_far.add(message.photo.url)
            conversation.previews.append(await _picture(person, message))
        terminal.doing(" ".join(message.text.split()))


def _refusal(message: ChatMessage) -> str | None:
    """The bot's words if this message says that a photo cannot be used."""
    return next((words for words in _refusals() if message.text.startswith(words)), None)


@cache
def _refusals() -> tuple[str, ...]:
    texts = Translator().of("en")
    reasons = {*Verdict, *Refusal} - {Verdict.ACCEPTED}
    refusals = (texts(verdict_key(ReferenceState.REJECTED, reason), limit=REFERENCES_MAX) for reason in reasons)
    return (*refusals, texts("photo-choose-person"))  # the demo cannot ask which of several people is meant


def _job_actions(message: ChatMessage) -> set[str]:
    """The job buttons a message has."""
    data = [button.data or "" for row in message.buttons for button in row]
    return {parts[1] for parts in (entry.split(":") for entry in data) if parts[0] == "job"}


def _is_status(message: ChatMessage) -> bool:
    return bool(_job_actions(message))


def _no_status(messages: list[ChatMessage]) -> bool:
    """The status message goes after the picture has come."""
    return not any(JobAction.CANCEL in _job_actions(message) for message in messages)


async def _picture(person: Person, message: ChatMessage) -> Image.Image:
    with Image.open(io.BytesIO(await person.download(message))) as image:
        return image.convert("RGB")


def _save(conversation: Conversation, request: DemoRequest, out: Path) -> dict[str, Path]:
    """Write the pictures; what an earlier demo left is removed first."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    paths = {"reference": out / "reference.png"}
    with Image.open(request.photo, formats=PHOTO_FORMATS) as image:
        image.convert("RGB").save(paths["reference"])
    if conversation.result is not None:
        paths["result"] = out / "result.png"
        conversation.pictures[conversation.result.id].save(paths["result"])
    paths["the whole chat"] = out / "chat.png"
    draw_chat(_bubbles(conversation), "BoLID").save(paths["the whole chat"])
    return paths


def _bubbles(conversation: Conversation) -> list[Bubble]:
    bubbles = []
    for message in conversation.messages:
        is_result = conversation.result is not None and message.id == conversation.result.id
        step = max(1, len(conversation.previews) // PREVIEWS_SHOWN)
        bubbles.append(
            Bubble(
                sender=message.sender_name,
                mine=not message.from_bot,
                text=message.text,
                photo=conversation.pictures.get(message.id),
                strip=tuple(conversation.previews[::step][:PREVIEWS_SHOWN]) if is_result else (),
                buttons=tuple(tuple(button.text for button in row) for row in message.buttons),
                note=_note(message),
            )
        )
    return bubbles


def _note(message: ChatMessage) -> str:
    clock = time.strftime("%H:%M", time.localtime(message.sent_at))
    return f"edited {message.edit_count} times · {clock}" if message.edit_count > 1 else clock


def _print_transcript(messages: list[ChatMessage], console: Console) -> None:
    console.print()
    for message in messages:
        media = "[photo] " if message.photo else ""
        colour = "cyan" if message.from_bot else "green"
        console.print(f"{message.sender_name}: ", style=f"bold {colour}", end="", highlight=False)
        console.print(f"{media}{message.text}", highlight=False, markup=False)
        for row in message.buttons:
            console.print("    " + "  ".join(f"[ {b.text} ]" for b in row), style="dim", highlight=False, markup=False)
    console.print()
