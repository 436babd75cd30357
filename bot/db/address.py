"""DATABASE_URL, read as libpq reads it and opened by asyncpg.

Hosting services hand out URLs for libpq. asyncpg reads most of its parameters from the URL itself, treats the others as
settings of the server, and SQLAlchemy treats every parameter as a keyword of asyncpg.connect. So each parameter is
handled here: used, ignored because asyncpg does not need it, or refused by name.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote, urlencode

import asyncpg

from bot.errors import OperatorError

CONNECT_TIMEOUT_S: Final = 10.0
EXPECTED: Final = "expected postgresql://user:password@host:5432/database"
TAKEN: Final = frozenset(
    {
        "host", "port", "dbname", "database", "user", "password", "passfile", "service", "target_session_attrs",
        "krbsrvname", "gsslib", "sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslpassword",
        "sslnegotiation", "ssl_min_protocol_version", "ssl_max_protocol_version", "application_name", "options",
    }
)  # fmt: skip
"""The settings that asyncpg reads in a URL, and the two settings that a server takes at the start of a session."""
PASSED_OVER: Final = frozenset(
    {
        "channel_binding", "client_encoding", "fallback_application_name", "gssencmode", "gssdelegation", "keepalives",
        "keepalives_idle", "keepalives_interval", "keepalives_count", "load_balance_hosts", "sslcompression", "sslsni",
        "tcp_user_timeout",
    }
)  # fmt: skip
"""libpq's parameters that are ignored because asyncpg does not have them; `sslmode` alone decides how safe a session
is."""
SESSION_SETTINGS: Final = """
set tcp_keepalives_idle = 10; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3;
set tcp_user_timeout = '15s';
select set_config('idle_in_transaction_session_timeout', '60s', false)
where current_setting('idle_in_transaction_session_timeout') = '0'
"""
"""Statements at the start of a session that limit how long a lost host's locks remain; the operator's limit is kept.
Not startup parameters, because poolers refuse these."""
SSL_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
FILES: Final = ("sslcert", "sslkey", "sslrootcert", "sslcrl")
CACHES: Final = ("prepared_statement_cache_size", "statement_cache_size")
"""Sizes of the statement caches of SQLAlchemy and asyncpg; poolers that share sessions need 0."""
_URL: Final = re.compile(
    r"(?P<scheme>[\w+]+)://(?:(?P<user>[^:/@]*)(?::(?P<password>[^@]*))?@)?"
    r"(?P<hosts>[^/?#@]*)(?:/(?P<database>[^?#]*))?(?:\?(?P<query>[^#]*))?",
    re.DOTALL,
)


class AddressError(OperatorError):
    """DATABASE_URL is invalid; waiting would not help."""


class AnsweredConnection(asyncpg.Connection):  # type: ignore[misc]
    """A connection that is closed when a statement or a ping gets no answer in time, so that SQLAlchemy discards it and
    all older ones."""

    async def execute(self, query: str, *arguments: Any, timeout: float | None = None) -> str:
        with self._closed_without_answer():
            status: str = await super().execute(query, *arguments, timeout=timeout)
            return status

    async def fetchrow(self, query: str, *arguments: Any, **options: Any) -> Any:
        with self._closed_without_answer():
            return await super().fetchrow(query, *arguments, **options)

    @contextmanager
    def _closed_without_answer(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError as error:
            self.terminate()
            raise asyncpg.ConnectionDoesNotExistError("connection closed: the server did not answer") from error


@dataclass(frozen=True)
class Address:
    """The address of the database; `secrets`: its passwords in the forms that may appear in logs."""

    dsn: str = field(repr=False)
    timeout_s: float = CONNECT_TIMEOUT_S
    statement_cache_size: int | None = None
    prepared_statement_cache_size: int | None = None
    secrets: frozenset[str] = field(default=frozenset(), repr=False)

    def connect_args(self, command_timeout_s: float | None = None) -> dict[str, Any]:
        """The arguments of `create_async_engine`: the connection is opened here, from the whole address. A statement
        without an answer for `command_timeout_s` raises TimeoutError."""
        arguments: dict[str, Any] = {"async_creator_fn": partial(self._connect, command_timeout_s)}
        if self.prepared_statement_cache_size is not None:
            arguments["prepared_statement_cache_size"] = self.prepared_statement_cache_size
        return arguments

    async def _connect(self, command_timeout_s: float | None, **_: Any) -> asyncpg.Connection:
        """Opens a connection. Raises AddressError where waiting would not help, else asyncpg's errors."""
        cached = {} if self.statement_cache_size is None else {"statement_cache_size": self.statement_cache_size}
        try:
            async with asyncio.timeout(self.timeout_s):
                connection = await asyncpg.connect(
                    self.dsn,
                    timeout=self.timeout_s,
                    command_timeout=command_timeout_s,
                    connection_class=AnsweredConnection,
                    **cached,
                )
                try:
                    await connection.execute(SESSION_SETTINGS)
                except BaseException:
                    connection.terminate()
                    raise
                return connection
        except (asyncpg.ClientConfigurationError, ssl.SSLError) as error:
            raise AddressError(f"DATABASE_URL does not open the database: {self._line(error)}; correct it") from None
        except asyncpg.UndefinedObjectError as error:
            raise AddressError(f"DATABASE_URL asks for what the server lacks: {self._line(error)}") from None
        except ConnectionError as error:
            if "rejected SSL" in str(error):
                raise AddressError("DATABASE_URL wants TLS and the server has none: leave sslmode out") from None
            raise

    def _line(self, error: Exception) -> str:
        line = " ".join(str(error).split())
        for secret in self.secrets:
            line = line.replace(secret, "***")
        return line


def read_address(database_url: str) -> Address:
    """Parses a URL. Raises AddressError: one line that names the faulty parameters and contains no other part of the
    URL."""
    found = _URL.fullmatch(database_url.strip())
    if found is None:
        raise AddressError(f"DATABASE_URL is not a URL: {EXPECTED}")
    kind = found["scheme"].partition("+")[0]
    if kind not in ("postgresql", "postgres"):
        raise AddressError(f"DATABASE_URL is for {kind}: only Postgres serves, {EXPECTED}")
    given = _parameters(found["query"] or "")
    passwords = {word for word in (found["password"], given.get("password"), given.get("sslpassword")) if word}
    timeout_s = _number(given, "connect_timeout")
    caches = {name: _number(given, name) for name in CACHES}
    parameters = {name: value for name, value in given.items() if name in TAKEN and value}
    _check(given, found["hosts"])
    return Address(
        _dsn(found, parameters),
        timeout_s=float(timeout_s) if timeout_s else CONNECT_TIMEOUT_S,
        **caches,
        secrets=frozenset(passwords | {unquote(word) for word in passwords}),
    )


def _parameters(query: str) -> dict[str, str]:
    """The last value of each name, except hosts and ports, which SQLAlchemy's URLs repeat."""
    given: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        name = "sslmode" if name == "ssl" else name
        given[name] = f"{given[name]},{value}" if name in ("host", "port") and name in given else value
    return given


def _check(given: dict[str, str], hosts: str) -> None:
    unknown = sorted(given.keys() - TAKEN - PASSED_OVER - {"connect_timeout", *CACHES})
    if unknown:
        raise AddressError(f"DATABASE_URL has unsupported parameters: {', '.join(unknown)}: remove them from the URL")
    if given.get("sslmode") and given["sslmode"] not in SSL_MODES:
        raise AddressError(f"DATABASE_URL: expected sslmode as one of {', '.join(SSL_MODES)}")
    for name in FILES:
        if given.get(name) and not Path(given[name]).is_file():
            raise AddressError(f"DATABASE_URL: expected a file under {name}, found none: correct the path")
    ports = [host.rpartition(":")[2] for host in hosts.split(",") if re.search(r":[^\]]*$", host)]
    ports += given["port"].split(",") if given.get("port") else []
    if not all(port.isascii() and port.isdigit() and 0 < int(port) < 65536 for port in ports if port):
        raise AddressError(f"DATABASE_URL: expected numbers for the ports, {EXPECTED}")


def _number(given: dict[str, str], name: str) -> int | None:
    if not given.get(name):
        return None
    try:
        return max(int(given[name]), 0)
    except ValueError:
        raise AddressError(f"DATABASE_URL: expected a whole number for {name}") from None


def _dsn(found: re.Match[str], parameters: dict[str, str]) -> str:
    """The same address for asyncpg, with every part quoted and without parameters that asyncpg does not take."""
    user, password = (quote(unquote(found[name] or ""), safe="") for name in ("user", "password"))
    access = f"{user}:{password}@" if password else f"{user}@" if user else ""
    query = f"?{urlencode(parameters, quote_via=quote)}" if parameters else ""
    database = f"/{found['database']}" if found["database"] else ""
    return f"postgresql://{access}{found['hosts']}{database}{query}"
