"""Keys that are absent, wrong, revoked, without a scope, or too fast; and no access to another app's data."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from bot.db import users
from bot.db.app_tables import ApiAllowance, ApiKey
from bot.db.ledger import today
from bot.db.session import Sessions
from bot.db.tables import CreditEntry
from bot.domain import CONSENT_VERSION, ApiScope
from bot.retention import forget_allowances
from bot.usecases.app_limits import ApiLimits


async def test_a_key_is_needed_and_a_revoked_one_is_none(world: Any, app: Any) -> None:
    assert (await app("GET", "/v1/jobs")).status == 200
    no_key = await world.anonymous()("GET", "/v1/jobs")
    assert (no_key.status, no_key.problem) == (401, "no-key")
    assert no_key.headers["WWW-Authenticate"].startswith("Bearer")
    for wrong in ("nonsense", "bolid_", f"bolid_{app.key.key_id}_wrong", "bolid_00000000_x", "bolid_ä_x"):
        headers = {"Authorization": f"Bearer {wrong}".encode().decode("latin-1")}
        assert (await world.anonymous()("GET", "/v1/jobs", headers=headers)).status == 401
    assert await world.services.use.keys.revoke(app.key.key_id, 9)
    assert (await app("GET", "/v1/jobs")).status == 401
    assert not await world.services.use.keys.revoke(app.key.key_id, 9)


async def test_a_key_is_stored_as_its_hash_alone(world: Any, app: Any) -> None:
    async with world.sessions() as session:
        row = (await session.scalars(select(ApiKey))).one()
    assert row.digest == hashlib.sha256(app.key.key.encode()).digest()
    assert app.key.key.startswith(f"bolid_{row.id}_")
    secret = app.key.key.removeprefix(f"bolid_{row.id}_")
    assert secret not in repr({name: getattr(row, name) for name in ("digest", "scopes", "app_id")})


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        (ApiScope.READ, {"GET /v1/jobs", "GET /v1/end-users/ann"}),
        (ApiScope.DRAW, {"POST /v1/jobs"}),
        (ApiScope.PEOPLE, {"PUT /v1/end-users/ann"}),
    ],
)
async def test_a_key_may_do_what_its_scopes_say(world: Any, app: Any, scope: ApiScope, allowed: set[str]) -> None:
    await world.accept_photo(app)
    narrow = await world.client(scopes=[scope])
    bodies = {
        "GET /v1/jobs": None,
        "GET /v1/end-users/ann": None,
        "POST /v1/jobs": {"end_user": "ann", "prompt": "in a park"},
        "PUT /v1/end-users/ann": {"consent_version": CONSENT_VERSION},
    }
    done = set()
    for act, body in bodies.items():
        answer = await narrow(*act.split(), body)
        if answer.status < 300:
            done.add(act)
        else:
            assert (answer.status, answer.problem) == (403, "scope")
    assert done == allowed


async def test_requests_beyond_the_allowance_wait(world: Any) -> None:
    slow = await world.client(rate=2)
    answers = [await slow("GET", "/v1/jobs") for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[2].problem == "too-fast" and 1 <= int(answers[2].headers["Retry-After"]) <= 30


async def test_an_allowance_is_one_for_all_processes(open_world: Any) -> None:
    one, other = await open_world(), await open_world()
    slow = await one.client(rate=3)
    elsewhere = type(slow)(other.http, other.url, slow.key)
    statuses = [(await client("GET", "/v1/jobs")).status for client in (slow, elsewhere, slow, elsewhere, slow)]
    assert statuses == [200, 200, 200, 429, 429]


async def test_an_allowance_fills_with_time(sessions: Sessions) -> None:
    limits = ApiLimits(sessions)

    async def pass_time(seconds: float) -> None:
        async with sessions.begin() as session:
            earlier = ApiAllowance.filled_at - timedelta(seconds=seconds)
            await session.execute(update(ApiAllowance).values(filled_at=earlier))

    waits = [await limits.take("a", 2) for _ in range(3)]
    assert waits == [0, 0, pytest.approx(30, abs=5)]
    assert await limits.take("b", 2) == 0
    await pass_time(30)
    assert [await limits.take("a", 2) for _ in range(2)] == [0, pytest.approx(30, abs=5)]
    await pass_time(3600)
    assert [await limits.take("a", 2) > 0 for _ in range(3)] == [False, False, True], "more than full it never is"
    await pass_time(-3600)  # the database's clock was set back
    assert await limits.take("a", 2) > 0
    await pass_time(30)
    assert await limits.take("a", 2) == 0


async def test_unused_allowances_are_forgotten_and_those_of_a_deleted_user_at_once(
    sessions: Sessions, rows: Any
) -> None:
    limits = ApiLimits(sessions)
    await rows.user(11)
    await limits.take("user 11", 300)
    await limits.take("user 12", 300)
    assert await forget_allowances(sessions) == 0
    async with sessions.begin() as session:
        await users.remove(session, 11)
    async with sessions.begin() as session:
        assert list(await session.scalars(select(ApiAllowance.name))) == ["user 12"]
        await session.execute(update(ApiAllowance).values(filled_at=ApiAllowance.filled_at - timedelta(minutes=2)))
    assert await forget_allowances(sessions) == 1


async def test_another_app_reaches_nothing(world: Any, app: Any) -> None:
    reference_id = await world.accept_photo(app)
    job_id = (await app.order()).body["id"]
    await world.finish(job_id)
    other = await world.client("other")
    for method, path in (
        ("GET", "/v1/end-users/ann"),
        ("GET", "/v1/end-users/ann/references"),
        ("GET", f"/v1/end-users/ann/references/{reference_id}"),
        ("GET", "/v1/end-users/ann/export"),
        ("DELETE", f"/v1/end-users/ann/references/{reference_id}"),
        ("DELETE", "/v1/end-users/ann"),
        ("GET", f"/v1/jobs/{job_id}"),
        ("GET", f"/v1/jobs/{job_id}/events"),
        ("GET", f"/v1/jobs/{job_id}/pictures/1"),
        ("POST", f"/v1/jobs/{job_id}/cancel"),
        ("DELETE", f"/v1/jobs/{job_id}"),
    ):
        assert (await other(method, path)).status == 404, path
    assert (await other.order()).problem == "unknown-end-user"
    assert (await other("GET", "/v1/jobs")).body["items"] == []
    await world.accept_photo(other, "bob")
    assert (await other.order("bob", references=[reference_id])).problem == "no-references"
    second_key = await world.client("app")
    assert (await second_key("GET", f"/v1/jobs/{job_id}")).status == 200


async def test_a_blocked_owner_draws_no_more_and_may_still_delete(world: Any, app: Any) -> None:
    await world.accept_photo(app)
    app_owner = 1
    await world.services.use.admin.access.ban(9, app_owner)
    assert (await app.order()).problem == "owner-blocked"
    assert (await app("DELETE", "/v1/end-users/ann")).status == 204


async def test_the_owner_pays_for_pictures_and_for_nothing_else(open_world: Any) -> None:
    world = await open_world(credits=True, free_pictures_per_day=2, operator_contact="@operator")
    app = await world.client()
    await world.accept_photo(app)
    assert (await app.order(count=3)).problem == "no-credits"
    assert (await app("GET", "/v1/jobs")).body["items"] == []
    cancelled = (await app.order()).body["id"]
    drawn = (await app.order()).body["id"]
    assert (await app.order()).status == 402
    await app("POST", f"/v1/jobs/{cancelled}/cancel")
    await world.finish(drawn)
    assert (await app.order()).status == 202
    assert (await app.order()).status == 402
    await app("DELETE", "/v1/end-users/ann")
    balance = await world.services.use.credits.read_balance(1)
    assert (balance.free, balance.reserved) == (1, 0)
    async with world.sessions() as session:
        spent = select(func.sum(CreditEntry.amount)).where(CreditEntry.day == await today(session))
        assert await session.scalar(spent) == 1
        assert set(await session.scalars(select(CreditEntry.user_id))) == {1}
