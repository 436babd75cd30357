"""`python -m bot`: refusals in one line, an orderly stop, and a whole conversation through all the real parts."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import skimage.data
from PIL import Image
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from bot.__main__ import main
from bot.app import serve
from bot.config import Config
from bot.domain import CONSENT_VERSION, JobState
from bot.errors import OperatorError
from bot.local.botapi import BEN_ID, ApiControl, LocalBotAPI, Person
from bot.local.children import choose_port
from bot.local.embedded import EmbeddedPostgres
from bot.telegram.callbacks import ConsentCallback, SettingsAction, SettingsCallback, StyleCallback

pytestmark = pytest.mark.slow

NOWHERE = "postgresql://bolid:hidden@127.0.0.1:1/bolid?ssl=disable"


def _config(api: LocalBotAPI, database_url: str, broker_url: str, **facts: Any) -> Config:
    return Config(
        bot_token=api.token, bot_api_url=api.url, database_url=database_url, broker_url=broker_url, tick_s=0.25,
        edit_interval_s=0.2, calls_per_s=200, _env_file=None, **facts,
    )  # fmt: skip


@asynccontextmanager
async def _serving(config: Config) -> AsyncIterator[None]:
    stop = asyncio.Event()
    running = asyncio.create_task(serve(config, stop))
    try:
        yield
    finally:
        stop.set()
        await running


def test_a_wrong_setting_is_one_line_and_exit_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("BOT_TOKEN", "nonsense")
    assert main() == 2
    error = capsys.readouterr().err
    assert error.startswith("bot: ") and error.count("\n") == 1
    assert "BotFather" in error and "DATABASE_URL is not set" in error


def test_a_database_that_never_comes_is_one_line_and_exit_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], restored_logs: None
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = {"BOT_TOKEN": "123456:ABC", "DATABASE_URL": NOWHERE, "BROKER_URL": "redis://127.0.0.1:1"}
    for name, value in {**settings, "START_PATIENCE_S": "1"}.items():
        monkeypatch.setenv(name, value)
    assert main() == 2
    error = capsys.readouterr().err
    assert "no Postgres at DATABASE_URL" in error.splitlines()[-1]
    assert "Traceback" not in error and "hidden" not in error


async def _refusal(config: Config) -> str:
    with pytest.raises(OperatorError) as refusal:
        await serve(config, asyncio.Event())
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


async def test_a_database_that_refuses_the_password_is_reported_at_once(
    postgres: EmbeddedPostgres, broker_url: str
) -> None:
    async with LocalBotAPI() as api:
        wrong_password = postgres.url.replace("bolid:", "bolid:wrong", 1)
        assert "does not open the database" in await _refusal(_config(api, wrong_password, broker_url))
        unknown = make_url(postgres.url).set(database="no_such_database").render_as_string(hide_password=False)
        assert "no_such_database" in await _refusal(_config(api, unknown, broker_url))


async def test_a_database_without_tables_names_the_remedy(empty_database_url: str, broker_url: str) -> None:
    async with LocalBotAPI() as api:
        assert "python -m bot.db.migrate" in await _refusal(_config(api, empty_database_url, broker_url))


async def test_tables_of_another_version_name_the_remedy(database_url: str, broker_url: str, pool: AsyncEngine) -> None:
    async with LocalBotAPI() as api:
        for revision, remedy in (("0001", "run `python -m bot.db.migrate`"), ("9999", "does not know: install")):
            async with pool.begin() as connection:
                await connection.execute(text("update alembic_version set version_num = :new"), {"new": revision})
            refusal = await _refusal(_config(api, database_url, broker_url))
            assert f"at revision {revision}" in refusal and remedy in refusal


async def test_a_token_that_telegram_rejects_is_reported(database_url: str, broker_url: str) -> None:
    async with LocalBotAPI(token="7000000001:another") as api:
        config = _config(api, database_url, broker_url).model_copy()
        stranger = Config(**{**config.model_dump(), "bot_token": "7000000002:unknown"}, _env_file=None)
        assert "BOT_TOKEN" in await _refusal(stranger)


async def test_a_bot_api_that_never_answers_is_reported(database_url: str, broker_url: str) -> None:
    async with LocalBotAPI() as api:
        config = _config(api, database_url, broker_url, start_patience_s=0.5)
    assert "BOT_API_URL" in await _refusal(config)


async def test_a_stop_while_still_waiting_for_the_database_is_orderly(broker_url: str) -> None:
    async with LocalBotAPI() as api:
        stop = asyncio.Event()
        serving = asyncio.create_task(serve(_config(api, NOWHERE, broker_url), stop))
        await asyncio.sleep(0.5)
        stop.set()
        async with asyncio.timeout(30):
            await serving


async def test_sigterm_ends_the_process_in_an_orderly_way(
    database_url: str, broker_url: str, tmp_path: Path, eventually: Any
) -> None:
    async with LocalBotAPI() as api:
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        log = tmp_path / "log"
        with log.open("w") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bot", cwd=tmp_path, stderr=output,
                env={**environment, "BOT_TOKEN": api.token, "BOT_API_URL": api.url, "DATABASE_URL": database_url,
                     "BROKER_URL": broker_url, "LOG_JSON": "true"},
            )  # fmt: skip
        try:
            await eventually(lambda: '"dispatching"' in log.read_text(), 150)
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(60):
                await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    assert process.returncode == 0
    assert '"stopped"' in log.read_text() and "Traceback" not in log.read_text()


async def _introduce(person: Person, tmp_path: Path, *, worker: bool = True) -> None:
    """Goes from /start to the question for a prompt; without a worker, to the photo that waits for one."""
    photo = tmp_path / "astronaut.jpg"
    Image.fromarray(skimage.data.astronaut()).save(photo)
    await person.send_text("/start")
    await person.wait_for(lambda message: bool(message.buttons), 60)
    await person.press(ConsentCallback(version=CONSENT_VERSION).pack())
    await person.send_photo(photo)
    if not worker:
        await person.wait_for(lambda message: "⏸" in message.text, 60)
        return
    styles = SettingsCallback(action=SettingsAction.STYLES).pack()
    await person.wait_for(lambda message: message.button(styles) is not None, 60)
    await person.press(styles)
    await person.wait_for(lambda message: any("sketch" in text.lower() for text in message.button_texts), 60)
    await person.press(StyleCallback(name="sketch").pack(), timeout_s=60)


async def test_a_photo_a_style_and_a_prompt_become_a_picture(
    database_url: str, broker_url: str, tmp_path: Path, hire: Any, rows: Any
) -> None:
    worker = hire()
    async with LocalBotAPI() as api, Person(api.url, BEN_ID) as ben, _serving(_config(api, database_url, broker_url)):
        await _introduce(ben, tmp_path)
        await ben.send_text("reading in a garden")
        delivered = await ben.wait_for(lambda message: message.photo is not None, 60)
        [request] = worker.requests
        assert request.prompt == "reading in a garden" and request.style == "sketch"
        assert request.references[0].profile == b"profile"
        finished = await ben.wait_until(
            lambda messages: any(
                message.id == delivered.id and "🔄 Again" in message.button_texts for message in messages
            ),
            60,
        )
        assert sum("🔄 Again" in message.button_texts for message in finished) == 1


async def test_a_prompt_sent_during_a_restart_is_drawn_once(
    database_url: str,
    broker_url: str,
    tmp_path: Path,
    hire: Any,
    rows: Any,
    eventually: Any,
    postgres: EmbeddedPostgres,
) -> None:
    worker = hire()
    async with LocalBotAPI() as api, Person(api.url, BEN_ID) as ben:
        config = _config(api, database_url, broker_url)
        async with _serving(config):
            await _introduce(ben, tmp_path)
            postgres.kill()
            await ben.send_text("a lighthouse")
            await asyncio.sleep(1)
        postgres.start()
        async with _serving(config):
            await ben.wait_for(lambda message: message.photo is not None, 60)

            async def delivered() -> bool:
                [job] = [await rows.get(request.job_id) for request in worker.requests]
                return bool(job.state == JobState.DELIVERED)

            await eventually(delivered)
        assert sum("🔄 Again" in message.button_texts for message in await ben.transcript()) == 1


async def test_of_two_bots_one_polls_and_the_other_takes_over(database_url: str, broker_url: str) -> None:
    """Telegram ends one of two polls with a conflict, which polling logs as an error."""
    with capture_logs() as logs:
        async with LocalBotAPI() as api, Person(api.url, BEN_ID) as ben:
            config = _config(api, database_url, broker_url)

            async def ask() -> None:
                await ben.send_text("/help")
                await ben.wait_for(lambda message: "/photos" in message.text, 60)

            first, second = asyncio.Event(), asyncio.Event()
            leader = asyncio.create_task(serve(config, first))
            await ask()
            follower = asyncio.create_task(serve(config, second))
            for _ in range(5):
                await ask()
            first.set()
            await leader
            await ask()
            second.set()
            await follower
            assert sum(message.from_bot for message in await ben.transcript()) == 7, "each question is answered once"
    assert [log["event"] for log in logs].count("polling") == 2
    assert [log for log in logs if log["log_level"] == "error"] == []


async def test_the_whole_bot_works_behind_a_webhook(database_url: str, broker_url: str, tmp_path: Path) -> None:
    async with LocalBotAPI() as api, ApiControl(api.url) as control, Person(api.url, BEN_ID) as ben:
        listen = f"127.0.0.1:{choose_port()}"
        config = _config(api, database_url, broker_url, webhook_url=f"http://{listen}/updates", webhook_listen=listen)
        async with _serving(config):
            await _introduce(ben, tmp_path, worker=False)
        assert await control.calls("getUpdates") == []
