"""The final content of the terminal."""

from __future__ import annotations

import io

from rich.console import Console

from bot.local.terminal import Terminal


def test_facts_stay_and_what_is_under_way_leaves_no_trace_in_a_log() -> None:
    output = io.StringIO()
    terminal = Terminal(Console(file=output, width=80))
    terminal.doing("starting")
    terminal.done("started")
    terminal.warn("it ended; starting it again")
    assert output.getvalue() == "✓ started\n! it ended; starting it again\n"


def test_a_failure_is_printed_as_it_is_whatever_brackets_it_has() -> None:
    output = io.StringIO()
    Terminal(Console(file=output, width=40)).fail("expected one of [red], got [/blue]: " + "long " * 20)
    assert output.getvalue().startswith("✗ expected one of [red], got [/blue]: long")
    assert output.getvalue().count("\n") == 1


def test_on_a_terminal_the_spinner_goes_when_the_fact_comes() -> None:
    output = io.StringIO()
    terminal = Terminal(Console(file=output, width=80, force_terminal=True))
    terminal.doing("starting")
    terminal.done("started")
    terminal.quiet()
    assert "starting" in output.getvalue()
    assert output.getvalue().rstrip().endswith("started")
