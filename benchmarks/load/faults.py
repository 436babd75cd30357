"""The faults of a run, one after another, each on the running stack. A fault returns when it is over, not when the
service has recovered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import asyncpg

from benchmarks.load.stack import LoadStack, SmallDisk
from bot.local.botapi import ApiControl

CUT_S = 10.0
FLOOD_S = 20.0
FULL_S = 15.0
CLOCK_STEP = "1 hour"


@dataclass(frozen=True)
class FaultContext:
    """The targets of a fault. `pause` waits while the supervisor goes on."""

    stack: LoadStack
    control: ApiControl
    disk: SmallDisk
    pause: Callable[[float], Awaitable[None]]


@dataclass(frozen=True)
class StackFault:
    name: str
    happen: Callable[[FaultContext], Awaitable[None]]


def _kill(part: str) -> StackFault:
    async def happen(context: FaultContext) -> None:
        context.stack.part(part).kill()

    return StackFault(f"kill -9 of {part}", happen)


def _restart(part: str) -> StackFault:
    """The supervisor starts it again."""

    async def happen(context: FaultContext) -> None:
        await asyncio.to_thread(context.stack.part(part).stop)

    return StackFault(f"orderly restart of {part}", happen)


def _freeze(proxy: str, name: str) -> StackFault:
    async def happen(context: FaultContext) -> None:
        context.stack.proxies[proxy].freeze()

    return StackFault(f"frozen connections to {name}", happen)


async def _forget_broker_data(context: FaultContext) -> None:
    context.stack.forget_broker_data()


async def _cut(context: FaultContext) -> None:
    for proxy in context.stack.proxies.values():
        proxy.cut()
    await context.pause(CUT_S)
    for proxy in context.stack.proxies.values():
        proxy.mend()


async def _flood(context: FaultContext) -> None:
    for method in ("*", "getUpdates"):
        await context.control.fail_next(method, kind="flood", lasts_s=FLOOD_S)
    await context.pause(FLOOD_S)


async def _slow_uploads(context: FaultContext) -> None:
    await context.control.fail_next("editMessageMedia", kind="latency", times=40, delay_s=8.0)


async def _lost_calls(context: FaultContext) -> None:
    await context.control.fail_next(kind="drop", times=40)
    await context.control.fail_next(kind="drop_after", times=40)
    await context.control.fail_next(kind="bad_gateway", times=40)


def _clock(direction: str, sign: str) -> StackFault:
    """The database's clock cannot be set for one process alone. All times that it has stored are shifted instead: for
    every statement, which compares stored times with now(), that is the same."""

    async def happen(context: FaultContext) -> None:
        connection = await context.stack.connect()
        try:
            columns = await connection.fetch(
                "select table_name, column_name from information_schema.columns"
                " where table_schema = 'public' and data_type = 'timestamp with time zone'"
            )
            tables: dict[str, list[str]] = {}
            for row in columns:
                tables.setdefault(row["table_name"], []).append(row["column_name"])
            for table, names in tables.items():
                changes = ", ".join(f"{name} = {name} {sign} interval '{CLOCK_STEP}'" for name in names)
                await _patiently(connection, f"update {table} set {changes}")
        finally:
            await connection.close()

    return StackFault(f"the database's clock set {direction} by {CLOCK_STEP}", happen)


async def _patiently(connection: asyncpg.Connection, statement: str) -> None:
    while True:
        try:
            await connection.execute(statement)
            return
        except asyncpg.DeadlockDetectedError:
            await asyncio.sleep(0.1)


async def _fill_the_disk(context: FaultContext) -> None:
    """Postgres may end for lack of room for its log, and starts when there is room again."""
    await asyncio.to_thread(context.disk.fill)
    if await _can_write(context):
        raise RuntimeError("expected a full disk, but Postgres could write")
    await context.pause(FULL_S)
    context.disk.empty()


async def _can_write(context: FaultContext) -> bool:
    try:
        connection = await context.stack.connect()
        try:
            await connection.execute(
                "create table filler as select repeat(md5(n::text), 200) as x from generate_series(1, 99999) n"
            )
        finally:
            connection.terminate()
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        return False
    return True


def all_faults(*, with_disk: bool) -> list[StackFault]:
    """In the order in which they happen."""
    faults = [
        _kill("worker"),
        _kill("bot"),
        _kill("Valkey"),
        _kill("Postgres"),
        _restart("Postgres"),
        _restart("Valkey"),
        _restart("bot"),
        _restart("worker"),
        StackFault("the broker's data lost", _forget_broker_data),
        StackFault(f"429 to every call for {FLOOD_S:.0f} s", _flood),
        StackFault("40 uploads 8 s slow", _slow_uploads),
        StackFault("120 calls of the bot cut off, before or after they were done, or answered with 502", _lost_calls),
        _freeze("BROKER_URL", "the broker"),
        _freeze("BOT_API_URL", "Telegram"),
        _freeze("DATABASE_URL", "Postgres"),
        StackFault(f"network cut for {CUT_S:.0f} s: Postgres, broker and Telegram", _cut),
        _clock("back", "+"),
        _clock("forward", "-"),
    ]
    if with_disk:
        faults.append(StackFault(f"the disk of Postgres full for {FULL_S:.0f} s", _fill_the_disk))
    return faults
