"""The environment read once, secrets kept, mistakes reported in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from kombu import Connection
from kombu.exceptions import OperationalError

from bot.config import Config, load_config, read_listen
from bot.credits import Pack
from bot.errors import OperatorError
from engine.contract import BROKERS

GOOD = {
    "BOT_TOKEN": "123456:ABC-secret-token",
    "DATABASE_URL": "postgresql://bolid:secret-password@localhost/bolid",
    "BROKER_URL": "redis://:secret-password@localhost:6379/0",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment with the required settings only, in a folder without a .env."""
    for name in Config.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return monkeypatch


def test_what_is_needed_is_enough(environment: pytest.MonkeyPatch) -> None:
    config = load_config()
    assert config.bot_api_url == "https://api.telegram.org"
    assert config.admin_ids == frozenset()


def test_secrets_show_nowhere(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("WEBHOOK_SECRET", "secret-of-the-webhook")
    config = load_config()
    assert "secret-" not in f"{config!r} {config} {config.model_dump()}"


@pytest.mark.parametrize(("written", "meant"), [("1,2", {1, 2}), (" 1 , 2, ", {1, 2}), ("7", {7}), ("", set())])
def test_admins_are_ids_with_commas_between(environment: pytest.MonkeyPatch, written: str, meant: set[int]) -> None:
    environment.setenv("ADMIN_IDS", written)
    assert load_config().admin_ids == meant


@pytest.mark.parametrize(
    ("written", "meant"), [("127.0.0.1:8080", ("127.0.0.1", 8080)), ("[::1]:80", ("::1", 80)), ("bot:1", ("bot", 1))]
)
def test_the_webhooks_own_address_is_host_and_port(written: str, meant: tuple[str, int]) -> None:
    assert read_listen(written) == meant


def test_the_mini_app_needs_a_server_and_https(environment: pytest.MonkeyPatch) -> None:
    assert load_config().mini_app_url is None
    environment.setenv("API_URL", "https://bot.example.org/")
    with pytest.raises(OperatorError, match="API_URL: needs API_LISTEN"):
        load_config()
    environment.setenv("API_LISTEN", "127.0.0.1:8081")
    assert load_config().mini_app_url == "https://bot.example.org/app/"
    environment.setenv("API_URL", "http://bot.example.org")
    with pytest.raises(OperatorError, match="API_URL: is not an address: expected https"):
        load_config()


def test_dotenv_is_read_and_the_environment_goes_before_it(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OPEN_JOBS_MAX=7\nLEASE_S=3\nSOMETHING_ELSE=1\n")
    environment.setenv("LEASE_S", "5")
    assert (load_config().open_jobs_max, load_config().lease_s) == (7, 5)


def test_a_dotenv_of_a_windows_editor_is_read_from_its_first_line_on(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfOPEN_JOBS_MAX=7\r\nLEASE_S=3\r\n")
    assert (load_config().open_jobs_max, load_config().lease_s) == (7, 3)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("BOT_TOKEN", None, "BOT_TOKEN is not set"),
        ("BOT_TOKEN", "", "BOT_TOKEN is not set"),
        ("BOT_TOKEN", "secret nonsense", "@BotFather"),
        ("BOT_API_URL", "secret nonsense", "BOT_API_URL"),
        ("DATABASE_URL", None, "DATABASE_URL is not set"),
        ("DATABASE_URL", "secret nonsense", "DATABASE_URL is not a URL"),
        ("DATABASE_URL", "mysql://u:secret@h/d", "only Postgres"),
        ("BROKER_URL", "secret nonsense", "BROKER_URL"),
        ("BROKER_URL", "http://u:secret@h", "redis://"),
        ("BROKER_URL", "valkey://u:secret@h:6379/0", "redis://"),
        ("BROKER_URL", "sentinel://u:secret@h:26379/0", "redis://"),
        ("ADMIN_IDS", "1;secret", "ADMIN_IDS=123,456"),
        ("OPEN_JOBS_MAX", "0", "OPEN_JOBS_MAX"),
        ("EDIT_INTERVAL_S", "soon", "EDIT_INTERVAL_S"),
        ("LOG_LEVEL", "loud", "LOG_LEVEL"),
        ("WEBHOOK_URL", "bot.example.org/secret", "https://your.host/path"),
        ("WEBHOOK_LISTEN", "8080", "host:port"),
        ("WEBHOOK_LISTEN", "127.0.0.1:99999", "host:port"),
        ("WEBHOOK_SECRET", "secret with spaces", "16 to 256 of the characters"),
        ("MESSAGE_BURST", "0", "MESSAGE_BURST"),
        ("CREDITS", "1", "OPERATOR_CONTACT: is not set, but CREDITS=1 needs it"),
        ("CREDIT_PACKS", "20:100,secret", "CREDIT_PACKS: expected packs as credits:stars"),
        ("CREDIT_PACKS", "20:10001", "at most 10000 Stars"),
        ("CREDIT_PACKS", "20:100,20:90", "each with another number of credits"),
        ("FREE_PICTURES_PER_DAY", "-1", "FREE_PICTURES_PER_DAY"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_variable_and_keeps_its_value(
    environment: pytest.MonkeyPatch, name: str, value: str | None, expected: str
) -> None:
    if value is None:
        environment.delenv(name)
    else:
        environment.setenv(name, value)
    with pytest.raises(OperatorError) as refusal:
        load_config()
    assert expected in str(refusal.value)
    assert "\n" not in str(refusal.value) and "secret" not in str(refusal.value).removeprefix("WEBHOOK_SECRET")


def test_all_mistakes_are_reported_together(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("BOT_TOKEN")
    environment.setenv("OPEN_JOBS_MAX", "-1")
    environment.setenv("DATABASE_URL", "postgresql://h/d?pgbouncer=true")
    environment.setenv("BROKER_URL", "valkey://h")
    with pytest.raises(OperatorError, match=r"BOT_TOKEN.*DATABASE_URL has.*pgbouncer.*BROKER_URL.*OPEN_JOBS_MAX"):
        load_config()


@pytest.mark.parametrize("scheme", BROKERS)
def test_every_broker_that_is_taken_can_be_opened(environment: pytest.MonkeyPatch, scheme: str) -> None:
    environment.setenv("BROKER_URL", f"{scheme}://localhost:1/0")
    load_config()
    with Connection(f"{scheme}://localhost:1/0", connect_timeout=0.2) as connection, pytest.raises(OperationalError):
        connection.ensure_connection(max_retries=1, interval_start=0, timeout=0.5)


def test_credits_are_off_unless_they_are_turned_on(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("OPERATOR_CONTACT", "@seller")
    assert load_config().credit_terms is None
    environment.setenv("CREDITS", "1")
    environment.setenv("CREDIT_PACKS", "20:100, 50:200")
    terms = load_config().credit_terms
    assert terms is not None and terms.packs == (Pack(20, 100), Pack(50, 200))
    assert (terms.free_per_day, terms.referral, terms.contact) == (3, 5, "@seller")
    assert terms.pseudonym(7) != terms.pseudonym(8) and b"7" not in terms.pseudonym(7)
