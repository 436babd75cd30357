"""The handlers: one router per feature."""

from __future__ import annotations

from aiogram import F, Router
from aiogram.enums import ChatType

from bot.telegram.handlers import (
    admin,
    consent,
    fallback,
    gallery,
    groups,
    jobs,
    people,
    photos,
    pictures,
    privacy,
    prompts,
    results,
    settings,
    start,
    styles,
)
from bot.telegram.handlers.consent import RequireConsent


def build_router() -> Router:
    """All handlers, in the order in which they are tried."""
    root = Router(name="root")
    private = Router(name="private")
    for observer in (private.message, private.edited_message):
        observer.filter(F.chat.type == ChatType.PRIVATE)
    private.callback_query.filter(F.message.chat.type == ChatType.PRIVATE)
    consenting = Router(name="consenting")
    consenting.message.middleware(RequireConsent())
    consenting.callback_query.middleware(RequireConsent())
    consenting.include_routers(
        gallery.build(),
        pictures.build(),
        results.build(),
        people.build(),
        styles.build(),
        settings.build(),
        jobs.build(),
        photos.build(),
        prompts.build(),
    )
    private.include_routers(
        start.build(), consent.build(), privacy.build(), admin.build(), consenting, fallback.build()
    )
    root.include_routers(groups.build(), private)
    return root
