"""The buttons about the image prompt, the picture whose style is followed."""

from __future__ import annotations

from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup

from bot.telegram.callbacks import ImagePromptAction, ImagePromptCallback, SettingsAction, SettingsCallback
from bot.translator import Texts
from bot.usecases.image_prompts import ImagePromptState


def image_prompt_button(texts: Texts) -> InlineKeyboardButton:
    """The button that opens the screen of the image prompt in the same message."""
    return _button(texts("image-prompt-button"), ImagePromptAction.SHOW)


def screen(texts: Texts, state: ImagePromptState) -> InlineKeyboardMarkup:
    """The buttons of the screen: a stored image prompt can be chosen, pinned, replaced and deleted."""
    rows = [[_button(texts("image-prompt-send-button"), ImagePromptAction.ASK)]]
    if state.stored:
        none, chosen = texts("image-prompt-none-button"), texts("image-prompt-stored-button")
        rows = [
            [
                _button(none if state.chosen else f"✅ {none}", ImagePromptAction.NONE),
                _button(f"✅ {chosen}" if state.chosen else chosen, ImagePromptAction.CHOOSE),
            ],
            [
                _button(texts("image-prompt-another-button"), ImagePromptAction.ASK),
                _button(texts("image-prompt-delete-button"), ImagePromptAction.DELETE),
            ],
        ]
    if state.chosen:
        pin = _button(texts("image-prompt-pin-button"), ImagePromptAction.PIN)
        unpin = _button(texts("image-prompt-unpin-button"), ImagePromptAction.UNPIN)
        rows.append([unpin if state.pinned else pin])
    back = SettingsCallback(action=SettingsAction.SHOW).pack()
    rows.append([InlineKeyboardButton(text=texts("back-button"), callback_data=back)])
    return InlineKeyboardMarkup(inline_keyboard=rows)


def to_screen(texts: Texts) -> InlineKeyboardMarkup:
    """The button below the answer to an image prompt."""
    return InlineKeyboardMarkup(inline_keyboard=[[image_prompt_button(texts)]])


def back_to_screen(texts: Texts) -> InlineKeyboardMarkup:
    """The button below the question for an image prompt."""
    return InlineKeyboardMarkup(inline_keyboard=[[_button(texts("back-button"), ImagePromptAction.BACK)]])


def with_take_photo(buttons: InlineKeyboardMarkup | None, texts: Texts) -> InlineKeyboardMarkup:
    """Adds the button below the answer to a photo that makes the photo the image prompt, above the other buttons."""
    taking = [_button(texts("image-prompt-take-photo-button"), ImagePromptAction.TAKE_PHOTO)]
    return InlineKeyboardMarkup(inline_keyboard=[taking, *([] if buttons is None else buttons.inline_keyboard)])


def _button(text: str, action: ImagePromptAction) -> InlineKeyboardButton:
    return InlineKeyboardButton(text=text, callback_data=ImagePromptCallback(action=action).pack())
