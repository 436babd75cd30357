"""Faults of the kinds that people report in public, ten of each: commands in captions, settings without any effect,
files with a byte order mark."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.db.address import AddressError, read_address
from bot.errors import PromptIsCommand
from bot.prompts import clean
from bot.styles import PRESETS, load_styles
from engine.contract import check_broker


@pytest.mark.parametrize(
    "caption",
    [
        "/start@BoLID_bot", " /start", "\n/help", "\u200b/start", "\ufeff/start", "\u2060/photos", "/ imagine a man",
        "/imagine: a man --ar 2:3", "/НАЧАТЬ", "//draw", "/", "\u200e/start", "\t/start in a park",
    ],
)  # fmt: skip
def test_a_caption_that_begins_like_a_command_is_never_a_prompt(caption: str) -> None:
    with pytest.raises(PromptIsCommand):
        clean(caption)


@pytest.mark.parametrize(
    "url",
    [
        "valkey://u:secret@h", "valkeys://u:secret@h", "sentinel://u:secret@h", "redis+socket:///secret",
        "redis:/secret", "redis//u:secret@h", "amqp+ssl://u:secret@h", "kafka://u:secret@h", "sqs://secret:key@", "memory://secret",
        "http://u:secret@h", "secret:6379", "redis://", "unix:///secret.sock",
    ],
)  # fmt: skip
def test_a_broker_that_nothing_opens_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match="is not a broker's address") as refused:
        check_broker(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "parameter",
    [
        "schema=public", "connection_limit=1", "pool_timeout=5", "pgbouncer=true", "sslaccept=strict", "ssl=true",
        "statement_timeout=5s", "search_path=secret", "uselibpqcompat=true", "sslmode=no-verify", "sslmode=on",
        "connect_timeout=-", "replication=database",
    ],
)  # fmt: skip
def test_a_parameter_of_the_database_that_nothing_backs_is_named(parameter: str) -> None:
    with pytest.raises(AddressError, match=parameter.partition("=")[0]) as refused:
        read_address(f"postgresql://u:secret@h/d?{parameter}")
    assert "secret" not in str(refused.value) and "\n" not in str(refused.value)


def test_a_styles_file_of_a_windows_editor_is_read(tmp_path: Path) -> None:
    path = tmp_path / "styles.toml"
    path.write_bytes(b"\xef\xbb\xbf" + PRESETS.read_bytes())
    assert [style.name for style in load_styles(path).presets] == [style.name for style in load_styles().presets]
