"""The handlers: one router per feature."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiogram import F, Router
from aiogram.enums import ChatType

from bot.telegram.handlers import (
    admin,
    api_keys,
    appeals,
    consent,
    credit_admin,
    credits,
    fallback,
    gallery,
    groups,
    image_prompts,
    inline,
    invitations,
    jobs,
    payments,
    people,
    persons,
    photos,
    pictures,
    privacy,
    prompts,
    results,
    settings,
    start,
    styles,
)
from bot.telegram.handlers.admission import RequireAdmission
from bot.telegram.handlers.consent import RequireConsent


def build_router(*, credits_on: bool = False, keys_on: bool = False) -> Router:
    """All handlers, in the order in which they are tried. Without credits their handlers are left out, but payments
    that have begun are still answered and recorded."""
    root = Router(name="root")
    private = Router(name="private")
    for observer in (private.message, private.edited_message):
        observer.filter(F.chat.type == ChatType.PRIVATE)
    private.callback_query.filter(F.message.chat.type == ChatType.PRIVATE)
    consenting = Router(name="consenting")
    for observer in (consenting.message, consenting.callback_query):
        observer.middleware(RequireAdmission())
        observer.middleware(RequireConsent())
    consenting.include_routers(
        gallery.build(),
        pictures.build(),
        results.build(),
        people.build(),
        persons.build(),
        styles.build(),
        settings.build(),
        image_prompts.build(),
        appeals.build(),
        jobs.build(),
        photos.build(),
        prompts.build(),
    )
    if credits_on:
        private.include_routers(invitations.build(), credits.build(), credit_admin.build())
    if keys_on:
        private.include_router(api_keys.build())
    private.include_routers(
        payments.build(), start.build(), consent.build(), privacy.build(), admin.build(), consenting, fallback.build()
    )
    root.include_routers(payments.build_checks(), inline.build(), groups.build(), private)
    _filter_without_threads(root)
    return root


def _filter_without_threads(root: Router) -> None:
    """Runs plain filters such as `F.text` on the event loop. aiogram runs each in a thread of the pool that draws
    charts and waits for the broker: several per update, and none is answered while the pool is busy."""
    for router in root.chain_tail:
        for observer in router.observers.values():
            for handler in (observer._handler, *observer.handlers):
                for each in handler.filters or ():
                    if not each.awaitable:
                        each.callback, each.awaitable = _asking(each.callback), True


def _asking(plain: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    async def ask(*arguments: Any, **named: Any) -> Any:
        return plain(*arguments, **named)

    return ask
