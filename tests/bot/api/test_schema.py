"""openapi.json is complete, and the server follows it for all requests of schemathesis."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance, use_after_free

UPLOAD = "application/octet-stream"
EXAMPLES = 6
REACHED_MIN = 13
"""The operations of the eighteen that succeed: deletions are sent only where there is nothing to delete, no person can
be chosen, and random bytes are no photo."""
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


async def test_the_description_is_openapi_3_1_and_names_every_path(world: Any, app: Any) -> None:
    described = (await world.anonymous()("GET", "/openapi.json")).body
    assert described["openapi"].startswith("3.1")
    assert {path.split("/")[2] for path in described["paths"]} == {"options", "end-users", "jobs"}
    assert "job-ended" in described["webhooks"]
    for methods in described["paths"].values():
        for operation in methods.values():
            problem = operation["responses"]["default"]["content"]
            assert list(problem) == ["application/problem+json"]
            assert operation["security"] == [{"key": []}]
            assert "422" not in operation["responses"]
    assert "Problem" in described["components"]["schemas"]


async def test_the_server_keeps_to_its_description(world: Any, app: Any) -> None:
    """Valid requests about existing and absent objects, and invalid requests."""
    reference_id = await world.accept_photo(app)
    job_id = (await app.order()).body["id"]
    await world.finish(job_id)
    headers = {"Authorization": f"Bearer {app.key.key}"}
    parameters = {"end_user": "ann", "job_id": job_id, "reference_id": reference_id, "number": 1}
    reached = await asyncio.to_thread(_try_all, app.url, headers, parameters)
    assert len(reached) >= REACHED_MIN, reached


def _try_all(url: str, headers: dict[str, str], parameters: dict[str, Any]) -> set[str]:
    """The operations that succeeded at least once."""
    reached: set[str] = set()
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]

    def send(case: Any) -> None:
        # which bytes are a usable photo is beyond a schema
        excluded = [use_after_free, positive_data_acceptance] if case.media_type == UPLOAD else [use_after_free]
        response = case.call_and_validate(headers=headers, timeout=60, excluded_checks=excluded)
        if response.status_code < 300:
            reached.add(case.operation.label)

    def send_known(case: Any) -> None:
        case.path_parameters.update({name: parameters[name] for name in case.path_parameters})
        if isinstance(case.body, dict) and "end_user" in case.body:
            case.body["end_user"] = "ann"
            case.body.pop("references", None)
        case.query.pop("cursor", None)
        if "end_user" in case.query:
            case.query["end_user"] = "ann"
        send(case)

    for operation in operations:
        if operation.method != "delete":
            _check(operation, GenerationMode.POSITIVE, send_known)
        _check(operation, GenerationMode.POSITIVE, send)
        _check(operation, GenerationMode.NEGATIVE, send)
    return reached


def _check(operation: Any, mode: GenerationMode, send: Callable[[Any], None]) -> None:
    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def holds(case: Any) -> None:
        send(case)

    holds()
