"""/invite, and /start with an invitation's link. Registered while credits are on."""

from __future__ import annotations

from aiogram import Bot, F, Router
from aiogram.types import Message

from bot.credits import INVITATION_PREFIX
from bot.db.tables import User
from bot.styles import Styles
from bot.telegram.handlers.admission import RequireAdmission
from bot.telegram.handlers.start import start
from bot.telegram.handlers.typed import TypedCommand
from bot.translator import Texts
from bot.usecases import UseCases
from bot.usecases.credits import CreditUseCases


def build() -> Router:
    router = Router(name="invitations")
    router.message.middleware(RequireAdmission())
    router.message.register(show_invitation, TypedCommand("invite"))
    router.message.register(accept_invitation, TypedCommand("start", magic=F.args.startswith(INVITATION_PREFIX)))
    return router


async def show_invitation(message: Message, bot: Bot, user: User, texts: Texts, credits: CreditUseCases) -> None:
    code = await credits.make_invitation(user.id)
    link = f"https://t.me/{(await bot.me()).username}?start={INVITATION_PREFIX}{code}"
    reward = texts("credits-count", credits=credits.terms.referral)
    await message.answer(texts("invite", link=link, credits=reward))


async def accept_invitation(
    message: Message, user: User, texts: Texts, use: UseCases, styles: Styles, credits: CreditUseCases
) -> None:
    """Answers /start, and says below whether the invitation counts."""
    code = (message.text or "").partition(INVITATION_PREFIX)[2]
    counts = await credits.accept_invitation(user.id, code)
    await start(message, user, texts, use, styles)
    if counts:
        reward = texts("credits-count", credits=credits.terms.referral)
        await message.answer(texts("invitation-noted", credits=reward))
    else:
        await message.answer(texts("invitation-void"))
