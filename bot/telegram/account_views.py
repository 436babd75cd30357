"""The pages of /admin about users. They show ids, dates, states and sums; never a prompt or a picture. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from aiogram.types import InlineKeyboardButton

from bot.credits import EntryKind
from bot.db.accounts import Account, JobLine
from bot.db.admin_tables import AccessRule
from bot.db.apps import EndUserName
from bot.db.ledger import Balance
from bot.db.tables import CreditEntry, Payment, User
from bot.domain import REFUSALS, JobState
from bot.styles import Styles
from bot.telegram.admin_callbacks import AccountAction, AccountCallback, DeskAction, RefundCallback
from bot.telegram.admin_views import (
    AdminView,
    PageSpan,
    back,
    button,
    date_of,
    desk_button,
    desk_turns,
    keyboard,
    page_text,
    rows_text,
    shortened,
    turns,
    user_name,
)
from bot.translator import Markup, Texts
from engine.contract import FailureCode

CHARGE_HEX = 12
LATEST_SIZE = 4
"""The number of users per page; each has a button."""
REASONS = frozenset({*FailureCode, "worker_lost", "undeliverable"} - {FailureCode.CANCELLED})


def users_home(texts: Texts, users: int, *, closed: bool) -> AdminView:
    text = texts("users-home", users=users, access=_served(texts, closed=closed))
    return AdminView(
        text,
        keyboard(
            [
                desk_button(texts, "users-find-button", DeskAction.FIND),
                desk_button(texts, "users-latest-button", DeskAction.LATEST),
            ],
            [
                desk_button(texts, "users-list-button", DeskAction.LISTED),
                desk_button(texts, "users-banned-button", DeskAction.BANNED),
            ],
            back(texts),
        ),
    )


def _served(texts: Texts, *, closed: bool) -> Markup:
    return texts("users-closed" if closed else "users-open")


def latest_users(texts: Texts, users: Sequence[User], part: PageSpan, names: Mapping[int, EndUserName]) -> AdminView:
    rows, buttons = [], []
    for user in users:
        name, date = names.get(user.id), date_of(user.active_at)
        if name is None:
            rows.append(texts("users-row", user=str(user.id), date=date))
        else:
            rows.append(texts("users-end-user", app=name.app, user=name.end_user, date=date))
        label = str(user.id) if name is None else shortened(name.end_user)
        buttons.append(button(label, AccountCallback(action=AccountAction.VIEW, user_id=user.id)))
    below = desk_turns(texts, part, DeskAction.LATEST)
    if part.at == 0:
        below.insert(0, *back(texts, DeskAction.USERS))
    text = texts("users-latest", page=page_text(texts, part), rows=rows_text(texts, rows))
    return AdminView(text, keyboard(buttons[:2], buttons[2:], below))


def access_list(
    texts: Texts,
    rules: Sequence[AccessRule],
    part: PageSpan,
    gone: int,
    names: Mapping[int, EndUserName],
    *,
    closed: bool,
) -> AdminView:
    text = texts(
        "users-list",
        page=page_text(texts, part),
        access=_served(texts, closed=closed),
        rows=_rules(texts, rules, gone, names),
    )
    switch = (
        ("users-open-button", DeskAction.OPEN_ACCESS) if closed else ("users-close-button", DeskAction.CLOSE_ACCESS)
    )
    return AdminView(
        text,
        keyboard(
            [desk_button(texts, *switch), desk_button(texts, "users-add-button", DeskAction.ALLOW)],
            desk_turns(texts, part, DeskAction.LISTED),
            back(texts, DeskAction.USERS),
        ),
    )


def banned_users(
    texts: Texts, rules: Sequence[AccessRule], part: PageSpan, gone: int, names: Mapping[int, EndUserName]
) -> AdminView:
    text = texts("users-banned", page=page_text(texts, part), rows=_rules(texts, rules, gone, names))
    return AdminView(text, keyboard(desk_turns(texts, part, DeskAction.BANNED), back(texts, DeskAction.USERS)))


def _rules(texts: Texts, rules: Sequence[AccessRule], gone: int, names: Mapping[int, EndUserName]) -> Markup:
    rows = [
        texts("users-rule", user=user_name(rule.user_id, names), date=date_of(rule.banned_at or rule.changed_at))
        for rule in rules
        if rule.user_id is not None
    ]
    if gone:
        rows.append(texts("users-gone", count=gone))
    return rows_text(texts, rows)


def account_view(
    texts: Texts, user_id: int, account: Account | None, rule: AccessRule | None, balance: Balance | None
) -> AdminView:
    """The page about one user. `balance` is `None` while credits are off. An end user has no credits and pays nothing:
    the owner of their app does."""
    rules = _act(texts, "account-rules-button", AccountAction.RULES, user_id)
    if account is None:
        text = texts("account-unknown", user=str(user_id), access=access_text(texts, rule))
        return AdminView(text, keyboard([rules], back(texts, DeskAction.USERS)))
    rows = [[_act(texts, "account-jobs-button", AccountAction.JOBS, user_id)]]
    if account.end_user is not None:
        rows[0].append(rules)
        return AdminView(_account_text(texts, account, rule, None), keyboard(*rows, back(texts, DeskAction.USERS)))
    if balance is not None:
        rows[0].append(_act(texts, "account-ledger-button", AccountAction.LEDGER, user_id))
        rows.append([_act(texts, "account-grant-button", AccountAction.GRANT, user_id)])
    rows[-1].append(_act(texts, "account-payments-button", AccountAction.PAYMENTS, user_id))
    return AdminView(
        _account_text(texts, account, rule, balance), keyboard(*rows, [rules, *back(texts, DeskAction.USERS)])
    )


def _account_text(texts: Texts, account: Account, rule: AccessRule | None, balance: Balance | None) -> Markup:
    user, jobs = account.user, account.jobs
    refused = sum(count for reason, count in account.refusals.items() if reason in REFUSALS)
    given = [
        texts("account-consent", version=str(consent.version), date=date_of(consent.given_at))
        for consent in account.consents
    ]
    facts: dict[str, str | int] = {
        "language": user.language,
        "since": date_of(user.created_at),
        "active": date_of(user.active_at),
        "consents": Markup("; ".join(given)) if given else texts("account-never"),
        "access": access_text(texts, rule),
        "photos": account.photos,
        "delivered": jobs.get(JobState.DELIVERED, 0),
        "open": sum(jobs.get(state, 0) for state in (JobState.QUEUED, JobState.RUNNING, JobState.DONE)),
        "failed": jobs.get(JobState.FAILED, 0) - refused,
        "refused": refused,
        "cancelled": jobs.get(JobState.CANCELLED, 0),
        "today": account.today,
    }
    name = account.end_user
    if name is not None:
        return texts("account-end-user", user=name.end_user, app=name.app, owner=str(name.owner_id), **facts)
    credits = ""
    if balance is not None:
        credits = Markup(f"\n{texts('account-credits', credits=balance.lasting, free=balance.free)}")
    stars = texts("stars-count", stars=account.stars)
    return texts(
        "account",
        user=str(user.id),
        blocked=texts("account-never") if user.blocked_at is None else date_of(user.blocked_at),
        payments=texts("account-payments", count=account.payments, stars=stars),
        credits=credits,
        **facts,
    )


def access_text(texts: Texts, rule: AccessRule | None) -> Markup:
    parts = []
    if rule is not None and rule.banned_at is not None:
        parts.append(texts("access-banned", date=date_of(rule.banned_at)))
    if rule is not None and rule.allowed:
        parts.append(texts("access-listed"))
    if rule is not None and rule.daily_limit is not None:
        parts.append(texts("access-limit", limit=rule.daily_limit))
    return Markup(", ".join(parts)) if parts else texts("access-plain")


def rules_view(texts: Texts, user_id: int, rule: AccessRule | None, names: Mapping[int, EndUserName]) -> AdminView:
    """The access list does not count for end users: their app has a key."""
    end_user = user_id in names
    key = "account-rules-end-user" if end_user else "account-rules"
    text = texts(key, user=user_name(user_id, names), access=access_text(texts, rule))
    banned = rule is not None and rule.banned_at is not None
    listed = rule is not None and rule.allowed
    ban = ("account-unban-button", AccountAction.UNBAN) if banned else ("account-ban-button", AccountAction.BAN)
    allow = (
        ("account-disallow-button", AccountAction.DISALLOW) if listed else ("account-allow-button", AccountAction.ALLOW)
    )
    limit = _act(texts, "account-limit-button", AccountAction.LIMIT, user_id)
    listing = [] if end_user else [_act(texts, *allow, user_id)]
    return AdminView(text, keyboard([_act(texts, *ban, user_id), limit], listing, _to_account(texts, user_id)))


def jobs_view(
    texts: Texts, user_id: int, name: str, jobs: Sequence[JobLine], part: PageSpan, styles: Styles
) -> AdminView:
    rows = [
        texts(
            "account-job",
            date=date_of(job.created_at),
            style=styles[job.style].title[texts.language],
            state=_state_text(texts, job),
        )
        for job in jobs
    ]
    text = texts("account-jobs", user=name, page=page_text(texts, part), rows=rows_text(texts, rows))
    return _list_view(texts, text, AccountAction.JOBS, user_id, part)


def _state_text(texts: Texts, job: JobLine) -> Markup:
    if job.state != JobState.FAILED:
        return texts(f"job-state-{JobState(job.state)}")
    reason = reason_text(texts, job.failure)
    return texts("job-state-refused" if job.failure in REFUSALS else "job-state-failed", reason=reason)


def reason_text(texts: Texts, failure: str | None) -> Markup:
    """The text of a failure or a refusal."""
    return texts(f"reason-{failure if failure in REASONS else 'unknown'}")


def ledger_view(texts: Texts, user_id: int, entries: Sequence[CreditEntry], part: PageSpan) -> AdminView:
    rows = [
        texts(
            "account-entry",
            date=date_of(entry.created_at),
            kind=texts(f"entry-{EntryKind(entry.kind)}"),
            credits=f"{entry.amount:+d}" if entry.amount else "0",
            day="" if entry.day is None else texts("account-entry-free"),
        )
        for entry in entries
    ]
    text = texts("account-ledger", user=str(user_id), page=page_text(texts, part), rows=rows_text(texts, rows))
    return _list_view(texts, text, AccountAction.LEDGER, user_id, part)


def _list_view(texts: Texts, text: Markup, action: AccountAction, user_id: int, part: PageSpan) -> AdminView:
    newer = AccountCallback(action=action, user_id=user_id, at=max(0, part.at - part.size))
    older = AccountCallback(action=action, user_id=user_id, at=part.at + part.size)
    return AdminView(text, keyboard(turns(texts, part, newer, older), _to_account(texts, user_id)))


def charge_hash(charge_id: str) -> str:
    """The hash of a payment's id, see RefundCallback."""
    return hashlib.sha256(charge_id.encode()).hexdigest()[:CHARGE_HEX]


def payments_view(texts: Texts, user_id: int, payments: Sequence[Payment]) -> AdminView:
    rows, buttons = [], []
    for number, payment in enumerate(payments, 1):
        refunded = payment.refunded_at is not None
        facts: dict[str, str | int] = {
            "number": number,
            "date": date_of(payment.paid_at),
            "stars": texts("stars-count", stars=payment.stars),
            "credits": texts("credits-count", credits=payment.credits),
        }
        rows.append(texts("account-payment-refunded" if refunded else "account-payment", **facts))
        if not refunded:
            data = RefundCallback(user_id=user_id, charge=charge_hash(payment.charge_id))
            buttons.append(button(texts("account-refund-button", number=number), data))
    text = texts("account-payments-list", user=str(user_id), rows=rows_text(texts, rows))
    return AdminView(text, keyboard(buttons[:2], buttons[2:], _to_account(texts, user_id)))


def refund_question(texts: Texts, user_id: int, payment: Payment) -> AdminView:
    text = texts("account-ask-refund", stars=texts("stars-count", stars=payment.stars), user=str(user_id))
    sure = RefundCallback(user_id=user_id, charge=charge_hash(payment.charge_id), sure=True)
    cancel = AccountCallback(action=AccountAction.PAYMENTS, user_id=user_id)
    return AdminView(
        text, keyboard([button(texts("account-refund-yes-button"), sure)], [button(texts("back-button"), cancel)])
    )


def _act(texts: Texts, key: str, action: AccountAction, user_id: int) -> InlineKeyboardButton:
    return button(texts(key), AccountCallback(action=action, user_id=user_id))


def _to_account(texts: Texts, user_id: int) -> list[InlineKeyboardButton]:
    return [_act(texts, "back-button", AccountAction.VIEW, user_id)]
