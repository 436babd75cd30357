"""The whole bot with API_LISTEN: an app's photo and prompt pass dispatcher, broker and worker, and the picture comes
back."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import skimage.data
from PIL import Image
from sqlalchemy import select

from bot.app import serve
from bot.config import Config
from bot.db.session import Sessions
from bot.db.tables import User
from bot.domain import ApiScope
from bot.errors import OperatorError
from bot.local.botapi import ApiControl, LocalBotAPI
from bot.local.children import choose_port
from bot.usecases.apps import MakeKey

pytestmark = pytest.mark.slow
EXAMPLE = Path(__file__).parents[3] / "examples" / "api_client.py"


async def test_the_example_client_draws_through_the_whole_bot(
    database_url: str, broker_url: str, sessions: Sessions, hire: Callable[..., Any], tmp_path: Path, eventually: Any
) -> None:
    photo, out, port = tmp_path / "photo.jpg", tmp_path / "out.png", choose_port()
    Image.fromarray(skimage.data.astronaut()).save(photo)
    worker = hire()
    async with LocalBotAPI() as api, ApiControl(api.url) as control:
        config = Config(
            bot_token=api.token, bot_api_url=api.url, database_url=database_url, broker_url=broker_url, tick_s=0.25,
            api_listen=f"127.0.0.1:{port}", api_url="https://bot.example.org", _env_file=None,
        )  # fmt: skip
        async with sessions.begin() as session:
            session.add(User(id=1, language="en"))
        key = await MakeKey(sessions, api.token)(1, "example", list(ApiScope), 600, 1)
        assert key is not None
        stop = asyncio.Event()
        running = asyncio.create_task(serve(config, stop))
        await eventually(lambda: _answers(port))
        environment = {**os.environ, "BOLID_API": f"http://127.0.0.1:{port}", "BOLID_KEY": key.key}
        client = await asyncio.create_subprocess_exec(
            sys.executable, str(EXAMPLE), str(photo), str(out), "walking in a park", env=environment,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, errors = await client.communicate()
        assert client.returncode == 0, errors.decode()[-1500:]
        assert out.read_bytes().startswith(b"\x89PNG")
        assert [request.prompt for request in worker.requests] == ["walking in a park"]
        assert len(worker.examined) == 1
        await eventually(lambda: control.calls("setChatMenuButton"))
        sent = [call for name in ("sendMessage", "sendPhoto") for call in await control.calls(name)]
        assert sent == []
        stop.set()
        await running
    async with sessions() as session:
        assert await session.scalar(select(User.app_user).where(User.app_user == "me")) == "me"


async def _answers(port: int) -> bool:
    try:
        async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{port}/openapi.json") as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


async def test_an_address_that_is_taken_is_one_line_with_the_remedy(database_url: str, broker_url: str) -> None:
    taken = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]
    async with LocalBotAPI() as api:
        config = Config(
            bot_token=api.token, bot_api_url=api.url, database_url=database_url, broker_url=broker_url,
            api_listen=f"127.0.0.1:{port}", _env_file=None,
        )  # fmt: skip
        with pytest.raises(OperatorError, match="API_LISTEN: cannot listen"):
            await serve(config, asyncio.Event())
    taken.close()
    await taken.wait_closed()
