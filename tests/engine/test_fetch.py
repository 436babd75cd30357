"""`python -m engine fetch` downloads missing weights and keeps present ones; without an index the engine still
works."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from engine.commands import DONE, fetch
from engine.errors import WeightsError
from engine.hub.packaged import Archive, load_packaged


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Archive]:
    """Three absent archives, of which two belong to the default."""
    monkeypatch.setenv("ENGINE_STATE", str(tmp_path))
    plain = load_packaged()[0].model_dump()
    rows = [Archive(**(plain | {"name": name, "default": name != "extra"})) for name in ("extra", "first", "second")]
    monkeypatch.setattr(fetch, "load_packaged", lambda: tuple(rows))
    return rows


def _printed(monkeypatch: pytest.MonkeyPatch, outcome: Exception | None, fetched: list[str]) -> str:
    def fake(archive: Archive, state: Path) -> Path:
        fetched.append(archive.name)
        if outcome is not None:
            raise outcome
        return state

    monkeypatch.setattr(fetch, "fetch_packaged", fake)
    output = io.StringIO()
    assert fetch.run(None, Console(file=output, width=200)) == DONE  # type: ignore[arg-type]
    return output.getvalue()


def test_what_the_default_needs_is_fetched_with_progress(
    listed: list[Archive], monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[str] = []
    printed = _printed(monkeypatch, None, fetched)
    assert fetched == ["first", "second"]
    assert "weights 1 of 2: first, 36 MB" in printed and "weights 2 of 2: second" in printed


def test_without_an_index_it_says_once_what_is_missing_and_goes_on(
    listed: list[Archive], monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[str] = []
    printed = _printed(monkeypatch, WeightsError("expected pip to download it, got no index"), fetched)
    assert fetched == ["first"]
    assert "got no index" in printed and "continues without first second; run python -m engine fetch later" in printed


def test_present_weights_are_not_fetched_again(listed: list[Archive], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Archive, "lacking", lambda *_: ())
    fetched: list[str] = []
    assert _printed(monkeypatch, None, fetched) == "" and fetched == []


def test_the_default_is_what_photos_are_read_with() -> None:
    names = {archive.name for archive in load_packaged() if archive.default}
    assert names == {"mediapipe", "centerface", "u2netp", "age", "same_person", "nudity", "realesrgan"}
    assert all(archive.commercial_use for archive in load_packaged() if archive.default)
