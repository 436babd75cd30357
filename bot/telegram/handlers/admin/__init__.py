"""/admin: one router per subject. See `access` for who reaches them."""

from __future__ import annotations

from aiogram import Router

from bot.telegram.handlers.admin import accounts, answers, broadcast, refunds, review, service, statistics, styles
from bot.telegram.handlers.admin.access import admin_router


def build() -> Router:
    router = admin_router("admin")
    router.include_routers(
        answers.build(),
        service.build(),
        statistics.build(),
        accounts.build(),
        refunds.build(),
        review.build(),
        broadcast.build(),
        styles.build(),
    )
    return router
