"""What is made ahead is what would have been made in turn."""

from __future__ import annotations

import threading
from itertools import count

import pytest

from trainer.collage.state import Ahead


def test_the_next_is_made_meanwhile_one_at_a_time_and_in_order() -> None:
    numbers, makers, second = count(), set[int](), threading.Event()

    def make() -> int:
        makers.add(threading.get_ident())
        number = next(numbers)
        if number == 1:
            second.set()
        return number

    with Ahead(make) as made:
        assert made.next() == 0
        assert second.wait(5), "the second was not begun before it was asked for"
        assert [made.next() for _ in range(3)] == [1, 2, 3]
    assert len(makers) == 1 and threading.get_ident() not in makers


def test_what_goes_wrong_ahead_is_raised_where_it_is_asked_for() -> None:
    def make() -> int:
        raise ValueError("no photos")

    with Ahead(make) as made, pytest.raises(ValueError, match="no photos"):
        made.next()
