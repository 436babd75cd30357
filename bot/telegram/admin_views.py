"""The text pages of /admin and their buttons, six at most. Pure."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from aiogram.filters.callback_data import CallbackData
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup

from bot.admin_acts import Act
from bot.db.admin_tables import AuditEntry, Broadcast
from bot.db.apps import EndUserName, ListedKey
from bot.db.broadcasts import BroadcastState, Recipients
from bot.db.usage import Usage
from bot.styles import NO_STYLE, Style, Styles
from bot.telegram.admin_callbacks import (
    BroadcastAction,
    BroadcastCallback,
    DeskAction,
    DeskCallback,
    StyleDeskAction,
    StyleDeskCallback,
)
from bot.translator import Markup, Texts

ROWS = 10
"""Entries of a page that is a list."""
STYLE_BUTTONS = 3
BAR_CELLS = 12
SHORT_MAX = 12


@dataclass(frozen=True)
class AdminView:
    text: Markup
    keyboard: InlineKeyboardMarkup


@dataclass(frozen=True)
class PageSpan:
    """A page: up to `size` items from `at` on, of `total`."""

    at: int
    total: int
    size: int = ROWS


def button(text: str, data: CallbackData) -> InlineKeyboardButton:
    return InlineKeyboardButton(text=text, callback_data=data.pack())


def keyboard(*rows: Sequence[InlineKeyboardButton]) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup(inline_keyboard=[list(row) for row in rows if row])


def desk_button(texts: Texts, key: str, action: DeskAction, at: int = 0) -> InlineKeyboardButton:
    return button(texts(key), DeskCallback(action=action, at=at))


def back(texts: Texts, action: DeskAction = DeskAction.HOME) -> list[InlineKeyboardButton]:
    return [desk_button(texts, "back-button", action)]


def date_of(moment: datetime | None) -> str:
    """The date of a time in UTC, as in files and logs."""
    return "—" if moment is None else f"{moment:%Y-%m-%d %H:%M}"


def page_text(texts: Texts, part: PageSpan) -> Markup:
    if not part.total:
        return Markup("0")
    return texts("admin-page", first=part.at + 1, last=min(part.at + part.size, part.total), total=part.total)


def rows_text(texts: Texts, rows: Sequence[str]) -> Markup:
    """The rows as HTML, one per line."""
    return Markup("\n".join(rows)) if rows else texts("admin-none")


def turns(texts: Texts, part: PageSpan, newer: CallbackData, older: CallbackData) -> list[InlineKeyboardButton]:
    """The buttons that lead to the previous and the next page, where they exist."""
    found = []
    if part.at > 0:
        found.append(button(texts("admin-newer-button"), newer))
    if part.at + part.size < part.total:
        found.append(button(texts("admin-older-button"), older))
    return found


def desk_turns(texts: Texts, part: PageSpan, action: DeskAction) -> list[InlineKeyboardButton]:
    newer = DeskCallback(action=action, at=max(0, part.at - part.size))
    return turns(texts, part, newer, DeskCallback(action=action, at=part.at + part.size))


def home(texts: Texts, usage: Usage, cases: int) -> AdminView:
    text = texts(
        "admin-home",
        users=usage.users,
        active=usage.active_users,
        workers=usage.workers_alive,
        queue=usage.queued,
        cases=cases,
        pause=Markup(f"\n{texts('admin-pause')}") if usage.paused else "",
    )
    entries = (
        ("admin-statistics-button", DeskAction.STATISTICS),
        ("admin-users-button", DeskAction.USERS),
        ("admin-review-button", DeskAction.REVIEW),
        ("admin-broadcast-button", DeskAction.BROADCAST),
        ("admin-styles-button", DeskAction.STYLES),
        ("admin-service-button", DeskAction.SERVICE),
    )
    buttons = [desk_button(texts, key, action) for key, action in entries]
    return AdminView(text, keyboard(buttons[:2], buttons[2:4], buttons[4:]))


def service(texts: Texts, usage: Usage, failed: int, *, keys_on: bool) -> AdminView:
    """The service page; `keys_on`: with a button of the keys, because the HTTP API is on."""
    text = texts(
        "service-home",
        state=texts("service-paused" if usage.paused else "service-works"),
        workers=usage.workers_alive,
        running=usage.running,
        queue=usage.queued,
        failed=failed,
    )
    switch = (
        ("service-resume-button", DeskAction.RESUME) if usage.paused else ("service-pause-button", DeskAction.PAUSE)
    )
    return AdminView(
        text,
        keyboard(
            [desk_button(texts, *switch), desk_button(texts, "service-retry-button", DeskAction.RETRY)],
            [
                desk_button(texts, "service-audit-button", DeskAction.AUDIT),
                desk_button(texts, "service-payments-button", DeskAction.PAYMENTS_CSV),
            ],
            [*([desk_button(texts, "service-keys-button", DeskAction.KEYS)] if keys_on else ()), *back(texts)],
        ),
    )


def keys_desk(texts: Texts, keys: Sequence[ListedKey], part: PageSpan) -> AdminView:
    """A key is made and revoked by a command: a button could not have its name, scopes, rate and owner."""
    rows = [
        texts(
            "admin-key-line",
            app=listed.app.name,
            id=listed.key.id,
            owner=str(listed.app.user_id),
            scopes=", ".join(listed.key.scopes),
            number=listed.key.per_minute,
            count=listed.end_users,
            used=texts(
                "admin-key-used" if listed.key.used_at else "admin-key-unused", date=date_of(listed.key.used_at)
            ),
        )
        for listed in keys
    ]
    listing = Markup("\n\n".join(rows)) if rows else texts("admin-none")
    text = texts("admin-keys", page=page_text(texts, part), rows=listing)
    buttons = keyboard(desk_turns(texts, part, DeskAction.KEYS), back(texts, DeskAction.SERVICE))
    return AdminView(Markup(f"{text}\n\n{texts('admin-keys-usage')}"), buttons)


def user_name(user_id: int, names: Mapping[int, EndUserName]) -> str:
    """A Telegram ID; for an app's end user, the name of the app and the app's own name for them."""
    name = names.get(user_id)
    return str(user_id) if name is None else f"{name.app}: {name.end_user}"


def audit_log(
    texts: Texts, entries: Sequence[AuditEntry], part: PageSpan, names: Mapping[int, EndUserName]
) -> AdminView:
    rows = [
        texts(
            "audit-row",
            date=date_of(entry.created_at),
            admin=str(entry.admin_id) if entry.key_id is None else texts("audit-key", key=entry.key_id),
            act=texts(f"act-{Act(entry.act)}"),
            user="" if entry.user_id is None else _code(user_name(entry.user_id, names)),
            subject="" if entry.subject is None else f" · {shortened(entry.subject)}",
        )
        for entry in entries
    ]
    text = texts("audit-log", page=page_text(texts, part), rows=rows_text(texts, rows))
    csv = desk_button(texts, "audit-csv-button", DeskAction.AUDIT_CSV)
    return AdminView(text, keyboard(desk_turns(texts, part, DeskAction.AUDIT), [csv, *back(texts, DeskAction.SERVICE)]))


def _code(name: str) -> Markup:
    return Markup(f" · <code>{html.escape(name, quote=False)}</code>")


def shortened(text: str) -> str:
    """An id of a job or a payment, or a long name on a button, shortened so that it fits on one row of a phone."""
    return text if len(text) <= SHORT_MAX else f"{text[: SHORT_MAX - 1]}…"


def no_broadcast(texts: Texts) -> AdminView:
    write = desk_button(texts, "broadcast-write-button", DeskAction.WRITE)
    return AdminView(texts("broadcast-none"), keyboard([write, *back(texts)]))


def broadcast_draft(texts: Texts, broadcast: Broadcast, audience: Recipients, per_s: float) -> AdminView:
    text = texts(
        "broadcast-draft",
        broadcast=str(broadcast.id),
        language=texts(f"broadcast-{broadcast.language or 'everybody'}"),
        recipients=audience.recipients,
        unreachable=audience.unreachable,
        seconds=texts("admin-seconds", seconds=audience.recipients / per_s),
        rate=f"{per_s:g}",
    )
    rows = (
        (
            ("broadcast-dry-run-button", BroadcastAction.DRY_RUN),
            ("broadcast-language-button", BroadcastAction.LANGUAGE),
        ),
        (("broadcast-send-button", BroadcastAction.ASK_SEND), ("broadcast-discard-button", BroadcastAction.DISCARD)),
    )
    buttons = [[_cast(texts, key, action, broadcast.id) for key, action in row] for row in rows]
    write = desk_button(texts, "broadcast-write-button", DeskAction.WRITE)
    return AdminView(text, keyboard(*buttons, [write, *back(texts)]))


def broadcast_confirm(texts: Texts, broadcast: Broadcast, audience: Recipients) -> AdminView:
    text = texts("broadcast-confirm", recipients=audience.recipients)
    sure = _cast(texts, "broadcast-yes-button", BroadcastAction.SEND, broadcast.id)
    return AdminView(text, keyboard([sure], back(texts, DeskAction.BROADCAST)))


def broadcast_view(texts: Texts, broadcast: Broadcast) -> AdminView:
    """The page of a broadcast that was started, with its progress."""
    processed = broadcast.delivered + broadcast.unreachable + broadcast.refused
    filled = min(BAR_CELLS, BAR_CELLS * broadcast.handled // max(broadcast.recipients, 1))
    state = BroadcastState(broadcast.state)
    ended = state is BroadcastState.SENT
    filled = BAR_CELLS if ended else filled
    text = texts(
        "broadcast-progress",
        broadcast=str(broadcast.id),
        state=texts(f"broadcast-state-{state}"),
        bar="▰" * filled + "▱" * (BAR_CELLS - filled),
        handled=broadcast.handled,
        recipients=broadcast.recipients,
        delivered=broadcast.delivered,
        unreachable=broadcast.unreachable,
        refused=broadcast.refused,
        unknown=0 if state is BroadcastState.SENDING else broadcast.handled - processed,
    )
    if ended:
        write = desk_button(texts, "broadcast-write-button", DeskAction.WRITE)
        return AdminView(text, keyboard([write, *back(texts)]))
    if state is BroadcastState.SENDING:
        acts = [("broadcast-stop-button", BroadcastAction.STOP), ("broadcast-refresh-button", BroadcastAction.REFRESH)]
    else:
        acts = [
            ("broadcast-go-on-button", BroadcastAction.GO_ON),
            ("broadcast-discard-button", BroadcastAction.DISCARD),
        ]
    return AdminView(text, keyboard([_cast(texts, key, act, broadcast.id) for key, act in acts], back(texts)))


def _cast(texts: Texts, key: str, action: BroadcastAction, broadcast_id: int) -> InlineKeyboardButton:
    return button(texts(key), BroadcastCallback(action=action, broadcast_id=broadcast_id))


def styles_desk(texts: Texts, styles: Styles, at: int) -> AdminView:
    at = min(max(0, at), (len(styles.all) - 1) // STYLE_BUTTONS * STYLE_BUTTONS)
    part = PageSpan(at, len(styles.all), STYLE_BUTTONS)
    page = styles.all[at : at + STYLE_BUTTONS]
    rows = [
        [
            button(
                style.label(texts.language) if style.name in styles else f"⛔ {style.title[texts.language]}",
                StyleDeskCallback(action=StyleDeskAction.VIEW, name=style.name),
            )
        ]
        for style in page
    ]
    newer = desk_turns(texts, part, DeskAction.STYLES)
    below = [desk_button(texts, "styles-new-button", DeskAction.NEW_STYLE), *newer]
    if at == 0:
        below.insert(0, *back(texts))
    return AdminView(texts("styles-desk", page=page_text(texts, part)), keyboard(*rows, below))


def style_desk(texts: Texts, styles: Styles, style: Style) -> AdminView:
    offered = style.name in styles
    place = styles.all.index(style)
    text = texts(
        "style-desk",
        title=style.label(texts.language),
        name=style.name,
        en=style.title["en"],
        ru=style.title["ru"],
        offered=texts("admin-yes" if offered else "admin-no"),
        place=place + 1,
        total=len(styles.all),
    )
    if style.template is not None:
        text = Markup(f"{text}\n{texts('style-desk-template', template=style.template)}")

    def act(key: str, action: StyleDeskAction) -> InlineKeyboardButton:
        return button(texts(key), StyleDeskCallback(action=action, name=style.name))

    switch = act("style-off-button", StyleDeskAction.OFF) if offered else act("style-on-button", StyleDeskAction.ON)
    moves = [act("style-up-button", StyleDeskAction.EARLIER), act("style-down-button", StyleDeskAction.LATER)]
    delete = [] if style.template is None else [act("style-delete-button", StyleDeskAction.DELETE)]
    home_ = desk_button(texts, "back-button", DeskAction.STYLES, place // STYLE_BUTTONS * STYLE_BUTTONS)
    return AdminView(text, keyboard([] if style.name == NO_STYLE else [switch], moves, [*delete, home_]))
