"""One person's gallery, whose pages are read one by one, up to the requested number of pictures."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from scrapy.http import TextResponse
from w3lib.url import add_or_replace_parameter, canonicalize_url

from trainer.crawl.outcome import Outcome
from trainer.crawl.site import Site

MOST_PAGES = 1000  # some sites link to further pages without end


class HttpAnswer(Protocol):
    """The parts of a Scrapy response that this module and the spider read."""

    url: str
    status: int
    body: bytes
    headers: Any
    meta: dict[str, Any]


Fetch = Callable[[str, str | None], Awaitable[HttpAnswer | Outcome]]
"""(address, page it was found on) -> a 2xx answer, or the reason for its absence."""


@dataclass(frozen=True)
class Link:
    """A picture's link and the gallery page where it was found."""

    url: str
    found_on: str


def addresses(answer: Any, selector: str, attribute: str = "href") -> list[str]:
    """The web addresses that a selector finds, made absolute, in their order on the page; none if it is no page."""
    if not isinstance(answer, TextResponse):
        return []
    if "::attr(" not in selector:
        found = [element.attrib.get(attribute, "") for element in answer.css(selector)]
    else:
        found = answer.css(selector).getall()
    absolute = []
    for address in found:
        if not address.strip():
            continue
        try:
            url = answer.urljoin(address.strip())
            if urlsplit(url).scheme in {"http", "https"} and urlsplit(url).hostname:
                absolute.append(url)
        except ValueError:
            continue  # such as http://[broken
    return absolute


class Gallery:
    """The picture links of one person, extended on demand."""

    def __init__(self, site: Site, url: str, fetch: Fetch) -> None:
        self.links: list[Link] = []
        self.same: int = 0
        """Links that led to an address seen before."""
        self.listed_all = False
        self.lost: Outcome | None = None
        """The reason why a page could not be read, or None: the gallery may have more than was listed."""
        self._stated_count: int | None = None
        self._site = site
        self._url = url
        self._fetch = fetch
        self._next: str | None = url
        self._pages = 0
        self._visited: set[str] = set()

    @property
    def count(self) -> int:
        """The known number of pictures: the larger of the number listed and the number that the page states."""
        return max(len(self.links), self._stated_count or 0)

    async def promises(self, count: int) -> bool:
        """Whether there are at least `count` pictures: by the number that the page states, otherwise by listing
        them."""
        await self.reach(1)
        if self._stated_count is not None and self._stated_count < count and len(self.links) < count:
            self.listed_all = True
            return False
        return await self.reach(count)

    async def reach(self, count: int) -> bool:
        """Reads pages until `count` links are known; False if there are fewer."""
        while len(self.links) < count and self._next is not None:
            await self._read(self._next)
        return len(self.links) >= count

    async def _read(self, url: str) -> None:
        answer = await self._fetch(url, None if self._pages == 0 else self._url)
        self._pages += 1
        self._next = None
        if isinstance(answer, Outcome):
            # Some sites answer 404 after the last page.
            past_the_end = self._pages > 1 and answer is Outcome.BROKEN_LINK
            self.listed_all = past_the_end
            self.lost = None if past_the_end else answer
            return
        if self._pages == 1:
            self._stated_count = said_count(answer, self._site)
        new = self._add(answer)
        self._next = self._following(answer) if new and self._pages < MOST_PAGES else None
        self.listed_all = self._next is None

    def _add(self, answer: HttpAnswer) -> int:
        links = [Link(url, answer.url) for url in addresses(answer, self._site.picture_links)]
        before = len(self.links)
        for link in links:
            key = canonicalize_url(link.url)
            if key not in self._visited:
                self._visited.add(key)
                self.links.append(link)
        new = len(self.links) - before
        # A page of repeated links is the end of the gallery, not a set of duplicates.
        self.same += len(links) - new if new else 0
        return new

    def _following(self, answer: HttpAnswer) -> str | None:
        if self._site.page_parameter:
            return str(add_or_replace_parameter(self._url, self._site.page_parameter, str(self._pages + 1)))
        if self._site.next_page:
            return next(iter(addresses(answer, self._site.next_page)), None)
        return None


def said_count(answer: Any, site: Site) -> int | None:
    """The number of pictures that a person's page states, or None."""
    if site.photo_count is None or not isinstance(answer, TextResponse):
        return None
    for element in answer.css(site.photo_count):
        text = " ".join("".join(element.css("::text").getall()).split())
        if match := re.search(site.photo_count_pattern, text):
            return int(match[1])
    return None
