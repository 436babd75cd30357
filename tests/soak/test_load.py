"""A small load with every fault of `python -m benchmarks load --faults`: each picture once, or honestly failed."""

from __future__ import annotations

import pytest

from benchmarks.load.run import LoadPlan, measure_load

pytestmark = [pytest.mark.soak, pytest.mark.slow, pytest.mark.kill, pytest.mark.timeout(3600)]


def test_every_picture_comes_once_while_one_part_after_another_fails() -> None:
    figures = measure_load(LoadPlan(users=12, pictures=60, faults=True), print)
    assert figures["broken"] == []
    assert figures["prompts_without_end"] == 0
    assert figures["help_s"]["unanswered"] == 0
    assert figures["outcomes"]["delivered"] >= 60
    assert [name for name, seconds in figures["recoveries_s"].items() if seconds["picture_s"] > 120] == []


def test_a_load_without_faults_delivers_every_picture_and_no_message_twice() -> None:
    figures = measure_load(LoadPlan(users=30, pictures=90), print)
    assert figures["outcomes"] == {"delivered": sum(wait["count"] for wait in figures["wait_s"].values())}
    assert figures["broken"] == []
    assert figures["doubled_texts"] == 0
    assert figures["help_s"]["unanswered"] == 0
    assert figures["supervisor"] == []
