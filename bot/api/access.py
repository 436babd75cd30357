"""Keys of the API: identify the app of a request, its scopes and its allowance."""

from __future__ import annotations

import math
from typing import Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from bot.api.problems import ProblemRaised
from bot.domain import ApiScope
from bot.usecases.app_limits import ApiLimits
from bot.usecases.apps import ApiClient

_bearer = HTTPBearer(auto_error=False, description="A key that an admin made: bolid_…", scheme_name="key")


async def check_allowance(limits: ApiLimits, name: str, per_minute: int) -> None:
    """Takes one request from the allowance. Raises ProblemRaised where none is left."""
    wait_s = await limits.take(name, per_minute)
    if wait_s > 0:
        headers = {"Retry-After": str(math.ceil(wait_s))}
        raise ProblemRaised(429, "too-fast", "The requests per minute are used up.", headers=headers)


def needs(scope: ApiScope) -> Any:
    """A dependency: the app of the request's key, if the key has the scope. Raises ProblemRaised."""

    async def client(
        request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
    ) -> ApiClient:
        services = request.app.state.services
        found: ApiClient | None = None if credentials is None else await services.authenticate(credentials.credentials)
        if found is None:
            headers = {"WWW-Authenticate": 'Bearer realm="bolid"'}
            raise ProblemRaised(401, "no-key", "A valid key is needed: Authorization: Bearer KEY.", headers=headers)
        if scope not in found.scopes:
            raise ProblemRaised(403, "scope", f"The key lacks the scope {scope.value}.", scope=scope.value)
        await check_allowance(services.limits, found.key_id, found.per_minute)
        return found

    return Depends(client)


Reader = Annotated[ApiClient, needs(ApiScope.READ)]
Drawer = Annotated[ApiClient, needs(ApiScope.DRAW)]
Keeper = Annotated[ApiClient, needs(ApiScope.PEOPLE)]
