"""Inline mode: "@bot words" in any chat offers the sender's own pictures, by Telegram's ids of them."""

from __future__ import annotations

from aiogram import Router
from aiogram.types import InlineQuery, InlineQueryResultCachedPhoto, InlineQueryResultsButton

from bot.translator import Texts
from bot.usecases import UseCases

PAGE = 30
"""The number of results per page; Telegram takes at most 50."""
CACHE_S = 5
START_PARAMETER = "inline"


def build() -> Router:
    router = Router(name="inline")
    router.inline_query.register(offer_pictures)
    return router


async def offer_pictures(query: InlineQuery, texts: Texts, use: UseCases) -> None:
    """Answers with the sender's pictures, newest first. The sender writes the caption, because a prompt may be
    private."""
    begin = int(query.offset) if query.offset.isdecimal() else 0
    jobs = await use.search_pictures(query.from_user.id, query.query, begin, PAGE)
    results = [
        InlineQueryResultCachedPhoto(id=str(job.id), photo_file_id=job.result_file_id)
        for job in jobs
        if job.result_file_id is not None
    ]
    button = InlineQueryResultsButton(text=texts("inline-start"), start_parameter=START_PARAMETER)
    await query.answer(
        list(results),
        cache_time=CACHE_S,
        is_personal=True,
        next_offset=str(begin + PAGE) if len(jobs) == PAGE else "",
        button=None if results or begin else button,
    )
