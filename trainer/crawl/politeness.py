"""Downloader middlewares that keep the crawl polite: robots.txt, waiting before a retry, staying on the site."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from protego import Protego
from scrapy import Request
from scrapy.downloadermiddlewares.redirect import RedirectMiddleware
from scrapy.downloadermiddlewares.retry import RetryMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.extensions.throttle import AutoThrottle

from trainer.crawl.options import CrawlOptions
from trainer.crawl.records import RobotsState

LONGEST_WAIT_S = 600.0
logger = logging.getLogger(__name__)


class ForbiddenByRobots(IgnoreRequest):  # type: ignore[misc]
    """robots.txt forbids this address, or cannot be downloaded, which forbids all addresses."""


class TooManyRedirects(IgnoreRequest):  # type: ignore[misc]
    """The site redirects in a loop."""


@dataclass(frozen=True)
class Rules:
    """A host's robots.txt; `parsed` None forbids all addresses."""

    parsed: Any
    state: RobotsState | None


class RobotsGate:
    """Checks robots.txt before every request, and keeps its Crawl-delay. Replaces Scrapy's middleware, which allows all
    addresses where robots.txt answers 5xx or not at all; RFC 9309 (2.3.1.4) forbids all then. No setting and no request
    option disables it.
    """

    def __init__(self, crawler: Any) -> None:
        self._crawler = crawler
        self._agent: str = crawler.settings["USER_AGENT"]
        self._rules: dict[str, Rules] = {}
        self._asking = asyncio.Lock()

    @classmethod
    def from_crawler(cls, crawler: Any) -> RobotsGate:
        return cls(crawler)

    async def process_request(self, request: Any) -> None:
        parts = urlsplit(request.url)
        if request.meta.get("is_robots_txt"):
            return
        async with self._asking:
            origin = f"{parts.scheme}://{parts.netloc}"
            if origin not in self._rules:
                self._rules[origin] = await self._ask(f"{origin}/robots.txt")
        rules = self._rules[origin]
        if rules.parsed is None or not rules.parsed.can_fetch(request.url, self._agent):
            raise ForbiddenByRobots(request.url)
        request.meta["robots"] = rules.state

    async def _ask(self, url: str) -> Rules:
        try:
            request = Request(url, meta={"is_robots_txt": True}, priority=1000)
            response = await self._crawler.engine.download_async(request)
        except Exception as error:
            # After any error the rules are unknown.
            logger.error("no robots.txt at %s: %r", url, error)
            return Rules(None, None)
        if not (200 <= response.status < 300 or (400 <= response.status < 500 and response.status != 429)):
            logger.error("no robots.txt at %s: status %d", url, response.status)
            return Rules(None, None)
        body = response.body if response.status < 300 else b""
        parsed = Protego.parse(body.decode("utf-8-sig", "replace"))
        delay_s = parsed.crawl_delay(self._agent)
        if delay_s:
            self._slow_down(urlsplit(url).hostname or "", float(delay_s))
        digest = hashlib.sha256(response.body).hexdigest()
        return Rules(parsed, RobotsState(url=url, status=response.status, sha256=digest, crawl_delay_s=delay_s))

    def _slow_down(self, host: str, delay_s: float) -> None:
        downloader = self._crawler.engine.downloader
        throttle = self._crawler.get_extension(AutoThrottle)
        throttle.mindelay = max(throttle.mindelay, delay_s)
        throttle.maxdelay = max(throttle.maxdelay, delay_s)
        if host in downloader.slots:
            downloader.slots[host].delay = max(downloader.slots[host].delay, delay_s)
        # Scrapy drops an idle host's slot; a new one starts with this delay.
        downloader.per_slot_settings[host] = {"delay": delay_s}


class PatientRetry(RetryMiddleware):  # type: ignore[misc]
    """Scrapy's retries, each after a wait that doubles, or after Retry-After seconds where that is longer. A
    Retry-After above LONGEST_WAIT_S ends the request at once.
    """

    async def process_response(self, request: Any, response: Any) -> Any:
        retry_after = (response.headers.get("Retry-After") or b"").strip()
        asked_s = float(retry_after) if retry_after.isdigit() else 0.0
        if asked_s > LONGEST_WAIT_S:
            return response
        result = super().process_response(request, response)
        if isinstance(result, Request):
            await asyncio.sleep(max(asked_s, self._backoff_s(result)))
        return result

    async def process_exception(self, request: Any, exception: Exception) -> Any:
        result = super().process_exception(request, exception)
        if isinstance(result, Request):
            await asyncio.sleep(self._backoff_s(result))
        return result

    def _backoff_s(self, retry: Any) -> float:
        first_s: float = self.crawler.settings.getfloat("CRAWL_BACKOFF_S")
        doublings: int = retry.meta["retry_times"] - 1
        return min(first_s * 2.0**doublings, LONGEST_WAIT_S)


class OnSiteRedirect(RedirectMiddleware):  # type: ignore[misc]
    """Follows redirects within the site; a redirect to another site is returned with its 3xx status."""

    def process_response(self, request: Any, response: Any) -> Any:
        try:
            result = super().process_response(request, response)
        except IgnoreRequest as error:
            raise TooManyRedirects(request.url) from error
        if isinstance(result, Request) and not self.crawler.spider.is_on_site(result.url):
            return response
        return result


def settings(options: CrawlOptions) -> dict[str, object]:
    """Scrapy's settings for a polite crawl. The delay is a lower bound: AutoThrottle only lengthens it."""
    ours = "trainer.crawl.politeness"
    theirs = "scrapy.downloadermiddlewares"
    return {
        "USER_AGENT": options.user_agent,
        "DOWNLOADER_MIDDLEWARES": {
            f"{theirs}.robotstxt.RobotsTxtMiddleware": None,
            f"{ours}.RobotsGate": 100,
            f"{theirs}.retry.RetryMiddleware": None,
            f"{ours}.PatientRetry": 550,
            f"{theirs}.redirect.RedirectMiddleware": None,
            f"{ours}.OnSiteRedirect": 600,
        },
        "CONCURRENT_REQUESTS_PER_DOMAIN": options.concurrency,
        "DOWNLOAD_DELAY": options.delay_s,
        "DOWNLOAD_DELAY_JITTER": 0.0,
        "AUTOTHROTTLE_ENABLED": True,
        "AUTOTHROTTLE_START_DELAY": options.delay_s,
        "AUTOTHROTTLE_MAX_DELAY": max(60.0, options.delay_s),
        "AUTOTHROTTLE_TARGET_CONCURRENCY": float(options.concurrency),
        "DOWNLOAD_TIMEOUT": options.timeout_s,
        "DOWNLOAD_MAXSIZE": options.max_bytes,
        "DOWNLOAD_VERIFY_CERTIFICATES": True,
        "RETRY_TIMES": options.retries,
        "CRAWL_BACKOFF_S": options.backoff_s,
        "REDIRECT_MAX_TIMES": 5,
        "METAREFRESH_ENABLED": False,
        "COOKIES_ENABLED": False,
        "TELNETCONSOLE_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
        "STATS_DUMP": False,
        "LOG_LEVEL": "INFO",
    }
