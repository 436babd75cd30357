"""The data behind the buttons of /admin. Routers of admins alone take them (bot.telegram.handlers.admin.access)."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from aiogram.filters.callback_data import CallbackData


class ChartPage(StrEnum):
    PICTURES = "pictures"
    PEOPLE = "people"
    MONEY = "money"


class AdminCallback(CallbackData, prefix="admin"):
    """A page of the statistics for a period."""

    days: int
    page: ChartPage = ChartPage.PICTURES


class DeskAction(StrEnum):
    """A page of /admin, or an act without an object."""

    HOME = "home"
    STATISTICS = "stat"
    USAGE_CSV = "usage"
    USERS = "users"
    FIND = "find"
    LATEST = "latest"
    LISTED = "listed"
    ALLOW = "allow"
    OPEN_ACCESS = "open"
    CLOSE_ACCESS = "close"
    BANNED = "banned"
    REVIEW = "review"
    BROADCAST = "cast"
    WRITE = "write"
    STYLES = "styles"
    NEW_STYLE = "new"
    SERVICE = "service"
    PAUSE = "pause"
    RESUME = "resume"
    RETRY = "retry"
    AUDIT = "audit"
    AUDIT_CSV = "auditcsv"
    PAYMENTS_CSV = "paycsv"
    KEYS = "keys"


class DeskCallback(CallbackData, prefix="desk"):
    """A button of /admin. `at`: the first item of a page, counted from 0."""

    action: DeskAction
    at: int = 0


class AccountAction(StrEnum):
    VIEW = "view"
    JOBS = "jobs"
    LEDGER = "ledger"
    PAYMENTS = "pay"
    GRANT = "grant"
    RULES = "rules"
    BAN = "ban"
    UNBAN = "unban"
    LIMIT = "limit"
    ALLOW = "allow"
    DISALLOW = "disallow"


class AccountCallback(CallbackData, prefix="account"):
    action: AccountAction
    user_id: int
    at: int = 0


class RefundCallback(CallbackData, prefix="refund"):
    """The button that refunds a payment. `charge`: the beginning of the hash of Telegram's id of the payment, which is
    too long for a button."""

    user_id: int
    charge: str
    sure: bool = False


class CaseAction(StrEnum):
    OPEN = "open"
    NEXT = "next"
    UPHOLD = "uphold"
    DISMISS = "dismiss"


class CaseCallback(CallbackData, prefix="case"):
    action: CaseAction
    case_id: UUID


class BroadcastAction(StrEnum):
    REFRESH = "refresh"
    LANGUAGE = "language"
    DRY_RUN = "dry"
    ASK_SEND = "ask"
    SEND = "send"
    STOP = "stop"
    GO_ON = "goon"
    DISCARD = "discard"


class BroadcastCallback(CallbackData, prefix="cast"):
    action: BroadcastAction
    broadcast_id: int


class StyleDeskAction(StrEnum):
    VIEW = "view"
    ON = "on"
    OFF = "off"
    EARLIER = "up"
    LATER = "down"
    DELETE = "delete"


class StyleDeskCallback(CallbackData, prefix="styledesk"):
    action: StyleDeskAction
    name: str
