"""Keys of the API: which app a request comes from, what it may do, and how often."""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from bot.api.problems import ProblemRaised
from bot.domain import ApiScope
from bot.usecases.apps import ApiClient

KEYS_KEPT = 10_000
STREAMS_MAX = 20
"""Streams of events that one key may have open."""
_bearer = HTTPBearer(auto_error=False, description="A key that an admin made: bolid_…", scheme_name="key")


@dataclass
class _Bucket:
    tokens: float
    filled_at: float


class Buckets:
    """The allowance of each key in this process, a token bucket of one minute, and its open streams."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._streams: Counter[str] = Counter()

    def take(self, key_id: str, per_minute: int) -> float:
        """0 for a request that is within the allowance, else the seconds to wait."""
        now = self._clock()
        bucket = self._buckets.setdefault(key_id, _Bucket(per_minute, now))
        self._buckets.move_to_end(key_id)
        while len(self._buckets) > KEYS_KEPT:
            self._buckets.popitem(last=False)
        bucket.tokens = min(per_minute, bucket.tokens + (now - bucket.filled_at) * per_minute / 60)
        bucket.filled_at = now
        if bucket.tokens < 1:
            return (1 - bucket.tokens) * 60 / per_minute
        bucket.tokens -= 1
        return 0.0

    @contextmanager
    def stream(self, key_id: str) -> Iterator[None]:
        """Raises ProblemRaised where the key has as many streams open as allowed."""
        if self._streams[key_id] >= STREAMS_MAX:
            raise ProblemRaised(429, "too-many-streams", "Too many streams of events are open.", limit=STREAMS_MAX)
        self._streams[key_id] += 1
        try:
            yield
        finally:
            self._streams[key_id] -= 1


def check_allowance(buckets: Buckets, name: str, per_minute: int) -> None:
    """Raises ProblemRaised where the requests of this minute are used up."""
    wait_s = buckets.take(name, per_minute)
    if wait_s > 0:
        headers = {"Retry-After": str(math.ceil(wait_s))}
        raise ProblemRaised(429, "too-fast", "The requests per minute are used up.", headers=headers)


def needs(scope: ApiScope) -> Any:
    """A dependency: the app whose key the request carries, if the key has the scope. Raises ProblemRaised."""

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
        check_allowance(services.buckets, found.key_id, found.per_minute)
        return found

    return Depends(client)


Reader = Annotated[ApiClient, needs(ApiScope.READ)]
Drawer = Annotated[ApiClient, needs(ApiScope.DRAW)]
Keeper = Annotated[ApiClient, needs(ApiScope.PEOPLE)]
