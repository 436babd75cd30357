"""The acts of admins and apps in the audit log, and the inputs that the bot asks admins for."""

from __future__ import annotations

from enum import StrEnum


class Act(StrEnum):
    """The acts of admins and apps in the audit log. Each has a text `act-…` in both languages."""

    VIEW_USER = "view-user"
    VIEW_CASE = "view-case"
    GRANT = "grant"
    REFUND = "refund"
    LIMIT = "limit"
    NO_LIMIT = "no-limit"
    BAN = "ban"
    UNBAN = "unban"
    ALLOW = "allow"
    DISALLOW = "disallow"
    CLOSE_ACCESS = "close-access"
    OPEN_ACCESS = "open-access"
    PAUSE = "pause"
    RESUME = "resume"
    RETRY = "retry"
    REPORT_UPHELD = "report-upheld"
    REPORT_DISMISSED = "report-dismissed"
    APPEAL_UPHELD = "appeal-upheld"
    APPEAL_DISMISSED = "appeal-dismissed"
    BROADCAST_WRITE = "broadcast-write"
    BROADCAST_START = "broadcast-start"
    BROADCAST_STOP = "broadcast-stop"
    BROADCAST_DISCARD = "broadcast-discard"
    STYLE_ON = "style-on"
    STYLE_OFF = "style-off"
    STYLE_MOVE = "style-move"
    STYLE_ADD = "style-add"
    STYLE_DELETE = "style-delete"
    EXPORT_USAGE = "export-usage"
    EXPORT_PAYMENTS = "export-payments"
    EXPORT_AUDIT = "export-audit"
    MAKE_KEY = "make-key"
    REVOKE_KEY = "revoke-key"
    APP_DELETE_USER = "app-delete-user"
    """This act and those below are of apps over the HTTP API."""
    APP_DELETE_PHOTO = "app-delete-photo"
    APP_DELETE_IMAGE_PROMPT = "app-delete-image-prompt"
    APP_DELETE_JOB = "app-delete-job"


class QuestionKind(StrEnum):
    """The input that the bot asked an admin for."""

    USER = "user"
    ALLOW = "allow"
    GRANT = "grant"
    LIMIT = "limit"
    BROADCAST = "broadcast"
    STYLE = "style"
