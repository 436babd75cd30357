"""reply_markup as Telegram checks it. Inline keyboards and forced replies are kept; other markups are accepted only."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import JsonValue

from bot.local.botapi.entities import checked_link
from bot.local.botapi.errors import BadRequest
from bot.local.botapi.records import Button, JsonObject, Keyboard

CALLBACK_DATA_MAX_BYTES = 64
BUTTONS_MAX = 100
BUTTONS_ROW_MAX = 8
COPY_TEXT_MAX = 256
PLACEHOLDER_MAX = 64
OTHER_MARKUPS = ("keyboard", "remove_keyboard", "force_reply")


def parse_reply_markup(markup: JsonValue, *, inline_only: bool = False, payable: bool = False) -> Keyboard:
    """The inline keyboard in a reply_markup; empty for none. Edits take inline keyboards only, and only an invoice is
    `payable`: has a Pay button. Raises BadRequest."""
    if markup is None or markup == "":
        return ()
    if not isinstance(markup, dict):
        raise BadRequest("object expected as reply markup")
    if "inline_keyboard" in markup:
        keyboard = _inline_keyboard(markup["inline_keyboard"])
        if not payable and any(button.pay for row in keyboard for button in row):
            raise BadRequest("BUTTON_TYPE_INVALID")
        return keyboard
    if any(key in markup for key in OTHER_MARKUPS):
        if inline_only:
            raise BadRequest("inline keyboard expected")
        return ()
    if markup:
        raise BadRequest("object expected as reply markup")
    return ()


def forces_reply(markup: JsonValue) -> bool:
    """Whether a reply_markup is a ForceReply. Raises BadRequest."""
    if not isinstance(markup, dict) or markup.get("force_reply") is not True:
        return False
    placeholder = markup.get("input_field_placeholder")
    if isinstance(placeholder, str) and len(placeholder.encode("utf-16-le")) // 2 > PLACEHOLDER_MAX:
        raise BadRequest("input field placeholder is too long")
    return True


def _inline_keyboard(rows: JsonValue) -> Keyboard:
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise BadRequest('field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays')
    keyboard = tuple(tuple(_button(button) for button in row) for row in rows if isinstance(row, list) and row)
    if sum(map(len, keyboard)) > BUTTONS_MAX or any(len(row) > BUTTONS_ROW_MAX for row in keyboard):
        raise BadRequest("reply markup is too long")
    return keyboard


def _button(button: JsonValue) -> Button:
    if not isinstance(button, dict):
        raise BadRequest("can't parse inline keyboard button: InlineKeyboardButton must be an Object")
    text = button.get("text")
    if not isinstance(text, str):
        raise BadRequest("can't parse inline keyboard button: Can't find field \"text\"")
    if not text.strip():
        raise BadRequest("inline keyboard button text must be non-empty")
    actions = {key: value for key, value in button.items() if key not in ("text", "style", "icon_custom_emoji_id")}
    if not actions:
        raise BadRequest("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    if len(actions) > 1:
        raise BadRequest("can't parse inline keyboard button: exactly one of the optional fields must be used")
    return _with_action(text, actions)


def _with_action(text: str, actions: JsonObject) -> Button:
    match actions:
        case {"callback_data": str(data)}:
            if not 1 <= len(data.encode()) <= CALLBACK_DATA_MAX_BYTES:
                raise BadRequest("BUTTON_DATA_INVALID")
            return Button(text=text, callback_data=data)
        case {"url": str(url)}:
            return Button(text=text, url=_public_link(url))
        case {"copy_text": {"text": str(copied)}} if 1 <= len(copied) <= COPY_TEXT_MAX:
            return Button(text=text, copy_text=copied)
        case {"pay": True}:
            return Button(text=text, pay=True)
        case _:
            raise BadRequest("BUTTON_TYPE_INVALID")


def _public_link(url: str) -> str:
    """Telegram refuses addresses that only this machine can reach."""
    link = checked_link(url)
    host = (urlsplit(link).hostname or "") if link else ""
    if link is None or ("." not in host and not link.startswith("tg:")):
        raise BadRequest(f"inline keyboard button URL '{url}' is invalid: Wrong HTTP URL")
    return link
