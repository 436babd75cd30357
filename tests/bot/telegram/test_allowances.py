"""A token bucket per chat."""

from __future__ import annotations

from bot.telegram.allowances import CHATS_KEPT, Admission, Allowances


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_accepted_and_of_the_dropped_messages_only_the_first_gets_an_answer() -> None:
    allowances = Allowances(3, 1.0, Clock())
    assert [allowances.take(1) for _ in range(6)] == [
        *[Admission.TAKEN] * 3,
        Admission.DROPPED_FIRST,
        *[Admission.DROPPED] * 2,
    ]


def test_one_chat_does_not_use_up_what_another_may() -> None:
    allowances = Allowances(1, 1.0, Clock())
    allowances.take(1)
    assert allowances.take(1) is Admission.DROPPED_FIRST
    assert allowances.take(2) is Admission.TAKEN


def test_the_bucket_fills_with_time_up_to_the_burst() -> None:
    clock = Clock()
    allowances = Allowances(4, 0.5, clock)
    for _ in range(5):
        allowances.take(1)
    clock.now += 2
    assert [allowances.take(1) for _ in range(2)] == [Admission.TAKEN, Admission.DROPPED]
    clock.now += 1000
    assert [allowances.take(1) for _ in range(5)] == [*[Admission.TAKEN] * 4, Admission.DROPPED_FIRST]


def test_a_steady_stream_at_twice_the_rate_gets_one_answer() -> None:
    clock = Clock()
    allowances = Allowances(4, 1.0, clock)
    admissions = []
    for _ in range(100):
        clock.now += 0.5
        admissions.append(allowances.take(1))
    assert admissions.count(Admission.DROPPED_FIRST) == 1
    assert 50 <= admissions.count(Admission.TAKEN) <= 56


def test_only_so_many_chats_are_remembered() -> None:
    allowances = Allowances(1, 1.0, Clock())
    allowances.take(-1)
    for chat_id in range(CHATS_KEPT):
        allowances.take(chat_id)
    assert allowances.take(-1) is Admission.TAKEN
    assert allowances.take(CHATS_KEPT - 1) is Admission.DROPPED_FIRST
