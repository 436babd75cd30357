"""The distinction between a double tap and two taps."""

from __future__ import annotations

from datetime import UTC, datetime

from aiogram.types import CallbackQuery, Chat, Message, User

from bot.telegram.middlewares import DOUBLE_TAP_S, TAPS_REMEMBERED, Taps


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def tap(number: int, *, user: int = 1, message: int = 1, data: str = "again") -> CallbackQuery:
    under = Message(message_id=message, date=datetime(2026, 11, 1, tzinfo=UTC), chat=Chat(id=user, type="private"))
    sender = User(id=user, is_bot=False, first_name="x")
    return CallbackQuery(id=str(number), from_user=sender, chat_instance="x", message=under, data=data)


def test_a_tap_while_the_first_is_handled_or_just_after_is_a_double_tap():
    clock = Clock()
    taps = Taps(clock)
    assert taps.begin(tap(1))
    clock.now += 60
    assert not taps.begin(tap(2)), "the first is still being handled"
    taps.end(tap(1))
    clock.now += DOUBLE_TAP_S / 2
    assert not taps.begin(tap(3))
    clock.now += DOUBLE_TAP_S
    assert taps.begin(tap(4)), "a tap of its own"


def test_the_same_tap_handled_anew_is_no_double_tap():
    taps = Taps(Clock())
    assert taps.begin(tap(1))
    taps.end(tap(1))
    assert taps.begin(tap(1))


def test_other_buttons_messages_and_people_are_distinguished():
    taps = Taps(Clock())
    assert taps.begin(tap(1))
    assert taps.begin(tap(2, data="other")) and taps.begin(tap(3, message=2)) and taps.begin(tap(4, user=2))


def test_memory_is_bounded():
    taps = Taps(Clock())
    under = tap(1)
    for number in range(TAPS_REMEMBERED + 50):
        taps.begin(under.model_copy(update={"data": str(number)}))
    assert len(taps._latest) == TAPS_REMEMBERED
