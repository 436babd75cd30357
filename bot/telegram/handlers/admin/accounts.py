"""The pages about users: find one, look, limit, ban, put on the access list, grant credits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from aiogram import F, Router
from aiogram.types import CallbackQuery, Message

from bot.admin_acts import QuestionKind
from bot.db.admin_tables import AccessRule
from bot.db.apps import EndUserName
from bot.db.usage import BUCKETS
from bot.styles import Styles
from bot.telegram import account_views
from bot.telegram.account_views import LATEST_SIZE
from bot.telegram.admin_callbacks import AccountAction, AccountCallback, DeskAction, DeskCallback
from bot.telegram.admin_views import ROWS, AdminView, PageSpan, user_name
from bot.telegram.edits import Toast
from bot.telegram.handlers.admin.access import admin_router
from bot.telegram.handlers.admin.questions import ask
from bot.telegram.handlers.admin.service import show
from bot.telegram.handlers.typed import TypedCommand
from bot.translator import Texts
from bot.usecases import UseCases
from bot.usecases.credits import CreditUseCases

USER_ID = "[1-9][0-9]{0,14}"


def build() -> Router:
    router = admin_router("admin accounts")
    router.message.register(open_account, TypedCommand("admin", magic=F.args.regexp(USER_ID, mode="fullmatch")))
    for handler, *actions in (
        (show_users, DeskAction.USERS),
        (ask_user, DeskAction.FIND, DeskAction.ALLOW),
        (show_latest, DeskAction.LATEST),
        (show_list, DeskAction.LISTED),
        (switch_access, DeskAction.OPEN_ACCESS, DeskAction.CLOSE_ACCESS),
        (show_banned, DeskAction.BANNED),
    ):
        router.callback_query.register(handler, DeskCallback.filter(F.action.in_(actions)))
    pages: tuple[tuple[Callable[..., Awaitable[object]], *tuple[AccountAction, ...]], ...] = (
        (show_account, AccountAction.VIEW),
        (show_jobs, AccountAction.JOBS),
        (show_ledger, AccountAction.LEDGER),
        (show_payments, AccountAction.PAYMENTS),
        (ask_number, AccountAction.GRANT, AccountAction.LIMIT),
        (show_rules, AccountAction.RULES),
        (change_rule, AccountAction.BAN, AccountAction.UNBAN, AccountAction.ALLOW, AccountAction.DISALLOW),
    )
    for page, *acts in pages:
        router.callback_query.register(page, AccountCallback.filter(F.action.in_(acts)))
    return router


async def show_users(callback: CallbackQuery, texts: Texts, use: UseCases) -> None:
    usage = await use.read_usage(min(BUCKETS))
    closed = await use.admin.access.is_closed()
    await show(callback, account_views.users_home(texts, usage.users, closed=closed))


async def ask_user(callback: CallbackQuery, callback_data: DeskCallback, texts: Texts, use: UseCases) -> None:
    if callback_data.action == DeskAction.ALLOW:
        await ask(callback, use, texts("users-ask-allow"), QuestionKind.ALLOW)
    else:
        await ask(callback, use, texts("users-ask-id"), QuestionKind.USER)


async def show_latest(callback: CallbackQuery, callback_data: DeskCallback, texts: Texts, use: UseCases) -> None:
    at = max(0, callback_data.at)
    users, total = await use.admin.accounts.latest(at, LATEST_SIZE)
    names = await use.admin.accounts.names([user.id for user in users])
    await show(callback, account_views.latest_users(texts, users, PageSpan(at, total, LATEST_SIZE), names))


async def show_list(callback: CallbackQuery, callback_data: DeskCallback, texts: Texts, use: UseCases) -> None:
    at = max(0, callback_data.at)
    rules, total, gone = await use.admin.access.page(at, ROWS, banned=False)
    closed, names = await use.admin.access.is_closed(), await _names(use, rules)
    await show(callback, account_views.access_list(texts, rules, PageSpan(at, total), gone, names, closed=closed))


async def switch_access(callback: CallbackQuery, callback_data: DeskCallback, texts: Texts, use: UseCases) -> None:
    closed = callback_data.action == DeskAction.CLOSE_ACCESS
    await use.admin.access.close(callback.from_user.id, closed=closed)
    await show_list(callback, callback_data, texts, use)


async def show_banned(callback: CallbackQuery, callback_data: DeskCallback, texts: Texts, use: UseCases) -> None:
    at = max(0, callback_data.at)
    rules, total, gone = await use.admin.access.page(at, ROWS, banned=True)
    names = await _names(use, rules)
    await show(callback, account_views.banned_users(texts, rules, PageSpan(at, total), gone, names))


async def _names(use: UseCases, rules: Sequence[AccessRule]) -> dict[int, EndUserName]:
    return await use.admin.accounts.names([rule.user_id for rule in rules if rule.user_id is not None])


async def open_account(message: Message, texts: Texts, use: UseCases, credits: CreditUseCases | None) -> None:
    """/admin and a Telegram ID."""
    user_id = int((message.text or "").split()[-1])
    view = await account_page(message.chat.id, user_id, texts, use, credits)
    await message.answer(view.text, reply_markup=view.keyboard)


async def show_account(
    callback: CallbackQuery,
    callback_data: AccountCallback,
    texts: Texts,
    use: UseCases,
    credits: CreditUseCases | None,
) -> None:
    await show(callback, await account_page(callback.from_user.id, callback_data.user_id, texts, use, credits))


async def account_page(
    admin_id: int, user_id: int, texts: Texts, use: UseCases, credits: CreditUseCases | None
) -> AdminView:
    account, rule = await use.admin.accounts.view(admin_id, user_id)
    balance = None if account is None or credits is None else await credits.read_balance(user_id)
    return account_views.account_view(texts, user_id, account, rule, balance)


async def name_of(use: UseCases, user_id: int) -> str:
    """As pages of /admin name a user."""
    return user_name(user_id, await use.admin.accounts.names([user_id]))


async def show_jobs(
    callback: CallbackQuery, callback_data: AccountCallback, texts: Texts, use: UseCases, styles: Styles
) -> None:
    user_id, at = callback_data.user_id, max(0, callback_data.at)
    jobs, total = await use.admin.accounts.jobs(user_id, at, ROWS)
    name = await name_of(use, user_id)
    await show(callback, account_views.jobs_view(texts, user_id, name, jobs, PageSpan(at, total), styles))


async def show_ledger(callback: CallbackQuery, callback_data: AccountCallback, texts: Texts, use: UseCases) -> None:
    user_id, at = callback_data.user_id, max(0, callback_data.at)
    entries, total = await use.admin.accounts.ledger(user_id, at, ROWS)
    await show(callback, account_views.ledger_view(texts, user_id, entries, PageSpan(at, total)))


async def show_payments(callback: CallbackQuery, callback_data: AccountCallback, texts: Texts, use: UseCases) -> None:
    payments = await use.admin.accounts.payments(callback_data.user_id)
    await show(callback, account_views.payments_view(texts, callback_data.user_id, payments))


async def ask_number(
    callback: CallbackQuery,
    callback_data: AccountCallback,
    texts: Texts,
    use: UseCases,
    credits: CreditUseCases | None,
) -> Toast | None:
    user = await name_of(use, callback_data.user_id)
    if callback_data.action == AccountAction.LIMIT:
        await ask(callback, use, texts("account-ask-limit", user=user), QuestionKind.LIMIT, callback_data.user_id)
    elif credits is None:
        return Toast(texts("unknown-press"), alert=True)
    else:
        await ask(callback, use, texts("account-ask-grant", user=user), QuestionKind.GRANT, callback_data.user_id)
    return None


async def show_rules(callback: CallbackQuery, callback_data: AccountCallback, texts: Texts, use: UseCases) -> None:
    user_id = callback_data.user_id
    rule, names = await use.admin.accounts.rule(user_id), await use.admin.accounts.names([user_id])
    await show(callback, account_views.rules_view(texts, user_id, rule, names))


async def change_rule(callback: CallbackQuery, callback_data: AccountCallback, texts: Texts, use: UseCases) -> None:
    admin_id, user_id, access = callback.from_user.id, callback_data.user_id, use.admin.access
    match callback_data.action:
        case AccountAction.BAN:
            await access.ban(admin_id, user_id)
        case AccountAction.UNBAN:
            await access.unban(admin_id, user_id)
        case action:
            await access.allow(admin_id, user_id, allowed=action == AccountAction.ALLOW)
    await show_rules(callback, callback_data, texts, use)
