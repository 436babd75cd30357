"""DATABASE_URL: each parameter of hosting services is used, ignored, or named in an error of one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import make_url, text

from bot.db.address import AddressError, read_address
from bot.db.session import open_pool

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    "given",
    [
        "postgresql://u:p@h:5/d",
        "postgres://u:p@h:5/d",
        "postgresql+asyncpg://u:p@h:5/d",
        "postgresql+psycopg://u:p@h:5/d",
        " postgresql://u:p@h:5/d\n",
        "postgresql://u:p@h:5/d?channel_binding=require&keepalives=1&client_encoding=utf8",
    ],
)
def test_any_way_to_write_postgres_means_our_driver(given: str) -> None:
    assert read_address(given).dsn == "postgresql://u:p@h:5/d"


def test_what_asyncpg_reads_itself_stays_in_the_url() -> None:
    assert read_address("postgresql://h/d?sslmode=require").dsn == "postgresql://h/d?sslmode=require"
    assert read_address("postgresql://h/d?ssl=require").dsn == "postgresql://h/d?sslmode=require"
    assert read_address("postgresql://u:p%40%2f@a:1,b:2/d").dsn == "postgresql://u:p%40%2F@a:1,b:2/d"
    assert read_address("postgresql:///d?host=/run/pg&port=7").dsn == "postgresql:///d?host=%2Frun%2Fpg&port=7"
    assert read_address("postgresql://u@/d?host=a:1&host=b:2").dsn == "postgresql://u@/d?host=a%3A1%2Cb%3A2"


def test_a_time_to_connect_is_honoured_and_zero_is_ours() -> None:
    assert read_address("postgresql://h/d?connect_timeout=3").timeout_s == 3.0
    assert read_address("postgresql://h/d?connect_timeout=0").timeout_s == 10.0


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ("", "not a URL"),
        ("secret nonsense", "not a URL"),
        ("mysql://u:secret@h/d", "mysql"),
        ("sqlite:///secret.db", "sqlite"),
        ("postgresql://u:secret@h/d?pgbouncer=true&schema=secret", "pgbouncer, schema"),
        ("postgresql://u:secret@h/d?hostaddr=secret", "hostaddr"),
        ("postgresql://u:secret@h/d?require_auth=scram-sha-256", "require_auth"),
        ("postgresql://u:secret@h/d?sslmode=secret", "sslmode"),
        ("postgresql://u:secret@h/d?sslmode=verify-full&sslrootcert=/secret.pem", "sslrootcert"),
        ("postgresql://u:secret@h/d?connect_timeout=secret", "connect_timeout"),
        ("postgresql://u:secret@h:secret/d", "ports"),
        ("postgresql://u:secret@h:1,i:secret/d", "ports"),
        ("postgresql://u:secret@h:99999/d", "ports"),
        ("postgresql://u:secret@/d?host=h&port=secret", "ports"),
        ("postgresql://u:secret@h/d?statement_cache_size=secret", "statement_cache_size"),
    ],
)
def test_what_cannot_be_opened_is_named_in_one_line_without_the_url(given: str, named: str) -> None:
    with pytest.raises(AddressError, match="DATABASE_URL") as refusal:
        read_address(given)
    reason = str(refusal.value)
    assert named in reason
    assert "secret" not in reason and "\n" not in reason


def test_every_password_is_known_to_be_secret_in_both_its_spellings() -> None:
    address = read_address("postgresql://u:a%40b@h/d?sslpassword=c")
    assert address.secrets == {"a%40b", "a@b", "c"}
    assert "a@b" not in repr(address) and "a%40b" not in repr(address)


async def test_a_session_has_what_the_parameters_ask_for(database_url: str) -> None:
    url = make_url(database_url)
    closed_port = f"127.0.0.1:1,{url.host}:{url.port}"
    options = quote("-c statement_timeout=4321 -c idle_in_transaction_session_timeout=9s")
    pool = open_pool(
        f"postgresql://{url.username}:{quote(url.password or '', safe='')}@{closed_port}/{url.database}"
        f"?sslmode=prefer&channel_binding=require&connect_timeout=5&application_name=my%20bot&options={options}"
        "&target_session_attrs=read-write&prepared_statement_cache_size=0&statement_cache_size=0"
    )
    async with pool.connect() as connection:
        messages = [
            await connection.scalar(text(f"show {name}"))
            for name in ("application_name", "statement_timeout", "idle_in_transaction_session_timeout")
        ]
    await pool.dispose()
    assert messages == ["my bot", "4321ms", "9s"]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [("?sslmode=require", "TLS"), ("?options=-c%20no_such_setting%3D1", "no_such_setting")],
)
async def test_what_waiting_would_not_mend_is_one_line(database_url: str, parameters: str, expected: str) -> None:
    pool = open_pool(f"{database_url}{parameters}")
    with pytest.raises(AddressError, match=expected):
        async with pool.connect():
            pass
    await pool.dispose()


def _run(module: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "BROKER_URL")}
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT, env={**inherited, **environment}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


BOT = {"BOT_TOKEN": "1:ABC", "BROKER_URL": "redis://h"}


@pytest.mark.slow
@pytest.mark.parametrize(("module", "arguments"), [("bot", ()), ("alembic", ("upgrade", "head"))])
def test_bot_and_alembic_say_it_in_one_line_and_end_with_2(module: str, arguments: tuple[str, ...]) -> None:
    ended = _run(module, *arguments, **BOT, DATABASE_URL="postgresql://u:secret@127.0.0.1:1/d?connect_timeout=soon")
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"{module}: DATABASE_URL") and ended.stderr.count("\n") == 1
    assert "secret" not in ended.stderr + ended.stdout


@pytest.mark.slow
@pytest.mark.parametrize("url", ["", "postgresql://u:secret@127.0.0.1:1/d"])
def test_alembic_without_a_database_is_one_line_too(url: str) -> None:
    ended = _run("alembic", "upgrade", "head", DATABASE_URL=url)
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1), ended.stderr
    assert "secret" not in ended.stderr


@pytest.mark.slow
def test_alembic_migrates_a_database_whose_url_a_hosting_service_wrote(empty_database_url: str) -> None:
    url: Any = f"{empty_database_url.replace('+asyncpg', '')}?sslmode=prefer&channel_binding=prefer"
    assert _run("alembic", "upgrade", "head", DATABASE_URL=url).returncode == 0
