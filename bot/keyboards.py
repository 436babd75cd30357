"""The inline buttons under the bot's messages."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup

from bot.callbacks import (
    AdminCallback,
    ConsentCallback,
    JobAction,
    JobCallback,
    LanguageCallback,
    PrivacyAction,
    PrivacyCallback,
    ReferenceAction,
    ReferenceCallback,
    StyleCallback,
)
from bot.domain import CONSENT_VERSION, LANGUAGES
from bot.styles import Styles
from bot.translator import Texts

STYLE_COLUMNS = 2
ADMIN_DAYS = (1, 7, 30)


def consent(texts: Texts) -> InlineKeyboardMarkup:
    return _rows([[_button(texts("consent-button"), ConsentCallback(version=CONSENT_VERSION))]])


def in_line(texts: Texts, job_id: UUID) -> InlineKeyboardMarkup:
    """Under a status message, until the picture is there."""
    return _rows([[_button(texts("job-cancel-button"), JobCallback(action=JobAction.CANCEL, job_id=job_id))]])


def picture(texts: Texts, job_id: UUID) -> InlineKeyboardMarkup:
    """Under a finished picture."""
    return _rows(
        [
            [
                _button(texts("job-again-button"), JobCallback(action=JobAction.AGAIN, job_id=job_id)),
                _button(texts("job-style-button"), JobCallback(action=JobAction.OTHER_STYLE, job_id=job_id)),
            ],
            [_button(texts("job-reuse-button"), JobCallback(action=JobAction.REUSE_PROMPT, job_id=job_id))],
        ]
    )


def retry(texts: Texts, job_id: UUID) -> InlineKeyboardMarkup:
    """Under a failure or a cancellation: the same picture once more, or other words."""
    return _rows(
        [
            [
                _button(texts("job-retry-button"), JobCallback(action=JobAction.AGAIN, job_id=job_id)),
                _button(texts("job-reuse-button"), JobCallback(action=JobAction.REUSE_PROMPT, job_id=job_id)),
            ]
        ]
    )


def styles(texts: Texts, presets: Styles, chosen: str | None, job_id: UUID | None = None) -> InlineKeyboardMarkup:
    """The grid of styles, the chosen one ticked; with `job_id`, for that job's picture and with a way back."""
    buttons = [
        _button(
            ("✅ " if style.name == chosen else "") + style.label(texts.language),
            StyleCallback(name=style.name, job_id=job_id),
        )
        for style in presets.presets
    ]
    rows = [buttons[start : start + STYLE_COLUMNS] for start in range(0, len(buttons), STYLE_COLUMNS)]
    if job_id is not None:
        rows.append([_button(texts("back-button"), JobCallback(action=JobAction.BACK, job_id=job_id))])
    return _rows(rows)


def reference(texts: Texts, reference_id: UUID) -> InlineKeyboardMarkup:
    """Under one kept photo."""
    return _rows(
        [
            [
                _button(
                    texts("photo-delete-button"),
                    ReferenceCallback(action=ReferenceAction.DELETE, reference_id=reference_id),
                )
            ]
        ]
    )


def references(texts: Texts) -> InlineKeyboardMarkup:
    """Under the summary of the kept photos."""
    return _rows(
        [
            [
                _button(texts("photo-add-button"), ReferenceCallback(action=ReferenceAction.ADD)),
                _button(texts("photo-done-button"), ReferenceCallback(action=ReferenceAction.DONE)),
            ]
        ]
    )


def languages(texts: Texts) -> InlineKeyboardMarkup:
    names = [_button(texts.translator("language-name", code), LanguageCallback(language=code)) for code in LANGUAGES]
    return _rows([names])


def privacy(texts: Texts) -> InlineKeyboardMarkup:
    return _rows([[_button(texts("privacy-ask-button"), PrivacyCallback(action=PrivacyAction.ASK_DELETE))]])


def privacy_confirm(texts: Texts) -> InlineKeyboardMarkup:
    return _rows(
        [
            [_button(texts("privacy-delete-button"), PrivacyCallback(action=PrivacyAction.DELETE))],
            [_button(texts("privacy-keep-button"), PrivacyCallback(action=PrivacyAction.KEEP))],
        ]
    )


def usage(texts: Texts, chosen_days: int) -> InlineKeyboardMarkup:
    return _rows(
        [
            [
                _button(
                    ("• " if days == chosen_days else "") + texts("admin-days-button", days=days),
                    AdminCallback(days=days),
                )
                for days in ADMIN_DAYS
            ]
        ]
    )


Data = (
    AdminCallback
    | ConsentCallback
    | JobCallback
    | LanguageCallback
    | PrivacyCallback
    | ReferenceCallback
    | StyleCallback
)


def _button(text: str, data: Data) -> InlineKeyboardButton:
    return InlineKeyboardButton(text=text, callback_data=data.pack())


def _rows(rows: Iterable[list[InlineKeyboardButton]]) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup(inline_keyboard=list(rows))
