"""The data behind every inline button. Each packs into Telegram's 64 bytes (held by a test)."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from aiogram.filters.callback_data import CallbackData


class JobAction(StrEnum):
    CANCEL = "cancel"
    AGAIN = "again"
    OTHER_STYLE = "style"
    BACK = "back"
    REUSE_PROMPT = "reuse"


class JobCallback(CallbackData, prefix="job"):
    """A button under a status message or a picture."""

    action: JobAction
    job_id: UUID


class ConsentCallback(CallbackData, prefix="consent"):
    version: int


class LanguageCallback(CallbackData, prefix="lang"):
    language: str


class StyleCallback(CallbackData, prefix="style"):
    """Picks a style; with `job_id`, draws that job's prompt again in it."""

    name: str
    job_id: UUID | None = None


class ReferenceAction(StrEnum):
    DELETE = "delete"
    ADD = "add"
    DONE = "done"


class ReferenceCallback(CallbackData, prefix="ref"):
    action: ReferenceAction
    reference_id: UUID | None = None


class PrivacyAction(StrEnum):
    ASK_DELETE = "ask"
    DELETE = "delete"
    KEEP = "keep"


class PrivacyCallback(CallbackData, prefix="privacy"):
    action: PrivacyAction


class AdminCallback(CallbackData, prefix="admin"):
    days: int
