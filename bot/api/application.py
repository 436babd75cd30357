"""The application: routes, errors, limits, and the description that it serves at /openapi.json."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from bot.api import end_users, jobs, mini_app, options, problems
from bot.api.limits import BodyLimit
from bot.api.problems import MEDIA_TYPE, Problem
from bot.api.schemas import JobEnded
from bot.api.services import ApiServices

VERSION = "1"
DESCRIPTION = """Pictures of a person from a photo and a prompt, for other apps: docs/api.md has a conversation.

Every person is named by the app (`end_user`). Their consent comes first, and everything about them can be deleted at
once. Errors are problems (RFC 9457, `application/problem+json`)."""
PROBLEM = {
    "description": "A problem",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def build_application(services: ApiServices) -> FastAPI:
    application = FastAPI(
        title="BoLID",
        version=VERSION,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        responses={"default": PROBLEM},
    )
    application.state.services = services
    for module in (options, end_users, jobs):
        application.include_router(module.router)
    problems.register(application)
    application.add_middleware(BodyLimit)
    mini_app.mount(application)
    application.webhooks.post("job-ended", responses={"default": {"description": "2xx confirms it."}})(_job_ended)
    application.openapi = _describe(application)  # type: ignore[method-assign]
    return application


def _job_ended(_body: JobEnded) -> None:
    """Posted to the job's `callback_url` when the job has ended, and repeated with growing pauses until an answer of
    2xx confirms it. `webhook-id`, `webhook-timestamp` and `webhook-signature` are those of Standard Webhooks."""


def _describe(application: FastAPI) -> Any:
    """FastAPI's description with the schema of problems, which no route refers to."""
    built: dict[str, Any] = {}

    def describe() -> dict[str, Any]:
        if not built:
            built.update(
                get_openapi(
                    title=application.title,
                    version=application.version,
                    description=application.description,
                    routes=application.routes,
                    webhooks=application.webhooks.routes,
                )
            )
            built["components"]["schemas"]["Problem"] = Problem.model_json_schema()
        return built

    return describe
