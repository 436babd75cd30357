"""The spider: lists the persons of a site, goes through them in a random order, keeps their pictures.

It drives Scrapy's downloader itself instead of yielding requests: one person after another, one picture after another,
so that limits are exact and a killed run resumes from the records alone.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import scrapy
from scrapy import exceptions
from w3lib.url import canonicalize_url

from trainer.crawl.archive import PhotoArchive
from trainer.crawl.errors import CrawlError
from trainer.crawl.gallery import Gallery, HttpAnswer, Link, addresses
from trainer.crawl.options import CrawlOptions
from trainer.crawl.outcome import FINAL, TAKEN, TROUBLE, Outcome, PersonOutcome, Tally
from trainer.crawl.picture import inspect
from trainer.crawl.politeness import ForbiddenByRobots, TooManyRedirects
from trainer.crawl.records import Kept, Listing, PersonState, RefusedPicture
from trainer.crawl.site import Site

HEADERS = ("content-type", "content-length", "last-modified", "etag", "date", "x-robots-tag")
"""Headers of a picture's answer that its record has."""

PATIENCE = 20
"""The number of failures in a row after which the crawl ends."""

logger = logging.getLogger(__name__)


class GallerySpider(scrapy.Spider):  # type: ignore[misc]
    """Crawls one site into one archive. `failure`: the error that ended the crawl early; `finished`: whether it was
    complete."""

    name = "gallery"

    def __init__(
        self, options: CrawlOptions, site: Site, archive: PhotoArchive, tally: Tally, show: Callable[[str], None]
    ) -> None:
        super().__init__()
        self.options = options
        self.site = site
        self.archive = archive
        self.tally = tally
        self.show = show
        self.failure: Exception | None = None
        self.finished = False
        start_host = (urlsplit(options.start_url).hostname or "").removeprefix("www.")
        self._hosts = (start_host, *site.also_hosts)
        self._taken = 0
        self._failed_in_a_row = 0

    def is_on_site(self, url: str) -> bool:
        """Whether an address is on the start page's host, a subdomain of it or one of `also_hosts`."""
        host = urlsplit(url).hostname or ""
        return any(host == allowed or host.endswith(f".{allowed}") for allowed in self._hosts)

    async def start(self) -> AsyncIterator[Any]:
        try:
            await self._crawl()
            self.finished = True
            self.show("done")
        except Exception as error:
            # Scrapy would only log it; the command line must report it.
            self.failure = error
        nothing_to_schedule: tuple[Any, ...] = ()
        for request in nothing_to_schedule:
            yield request

    async def _crawl(self) -> None:
        urls = await self._persons()
        self.tally.listed_persons = len(urls)
        random.Random(self.options.seed).shuffle(urls)
        waiting = iter(urls)
        before = -1
        # A person with too few pictures frees its place, possibly after the other tasks have ended.
        while self._has_room() and before != (before := sum(self.tally.persons.values())):
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(self.options.concurrency):
                        group.create_task(self._work(waiting))
            except ExceptionGroup as errors:
                raise errors.exceptions[0] from None

    def _has_room(self) -> bool:
        return self.options.max_persons is None or self._taken < self.options.max_persons

    async def _work(self, waiting: Any) -> None:
        while self._has_room() and (url := next(waiting, None)) is not None:
            self._taken += 1
            outcome = await self._person(url)
            self._taken -= outcome not in TAKEN
            self.tally.persons[outcome] += 1

    async def _persons(self) -> list[str]:
        """The addresses of all persons' pages, in a fixed order; from an earlier run's list where there is one."""
        start = self.options.start_url
        if not self.options.relist and (listed := self.archive.listing(start)) is not None:
            return listed
        first = await self._fetch(start, None)
        if isinstance(first, Outcome):
            raise CrawlError(f"expected a page at {start}, got: {first.value}; check --start-url and {self._log()}")
        links = self.site.index_links
        indexes = [start] if links is None else [url for url in addresses(first, links) if self.is_on_site(url)]
        persons: dict[str, str] = {}
        for url in dict.fromkeys(indexes):
            await self._index(url, first if url == start else None, persons)
        if not persons:
            raise CrawlError(f"expected links to persons from {start}, got none; check the selectors and {self._log()}")
        urls = [persons[key] for key in sorted(persons)]
        if not self.tally.pages_lost:
            self.archive.set_listing(Listing(start_url=start, listed_at=_now(), urls=urls))
        return urls

    def _log(self) -> str:
        return str(self.options.out / "crawl.log")

    async def _index(self, url: str, answer: HttpAnswer | Outcome | None, persons: dict[str, str]) -> None:
        """Adds the persons of one list and of the pages that follow it."""
        queued: set[str] = set()
        following: str | None = url
        while following is not None and following not in queued:
            queued.add(following)
            self.show(f"list {following}")
            answer = answer or await self._fetch(following, self.options.start_url)
            if isinstance(answer, Outcome):
                self.tally.pages_lost += 1
                return
            for person in addresses(answer, self.site.person_links):
                if self.is_on_site(person):
                    persons.setdefault(canonicalize_url(person), person)
            following = next(iter(addresses(answer, self.site.next_index)), None) if self.site.next_index else None
            answer = None

    async def _person(self, url: str) -> PersonOutcome:
        if self.archive.is_complete(url, self.options):
            return PersonOutcome.COMPLETE_BEFORE
        if self.archive.has_too_few(url, self.options.min_images):
            return PersonOutcome.TOO_FEW
        name = self.archive.name_of(url)
        self.show(name)
        gallery = Gallery(self.site, url, self._fetch)
        enough = await gallery.promises(self.options.min_images)
        if gallery.lost is not None and not enough:
            if gallery.lost is Outcome.FORBIDDEN:
                return PersonOutcome.FORBIDDEN
            self.tally.pages_lost += 1
            return PersonOutcome.UNREACHABLE
        self.archive.set_state(self._state(name, url, gallery, exhausted=False))
        if not enough:
            return PersonOutcome.TOO_FEW
        exhausted = await self._pictures(name, gallery)
        self.archive.set_state(self._state(name, url, gallery, exhausted))
        done = self.archive.is_complete(url, self.options)
        return PersonOutcome.COMPLETE if done else PersonOutcome.INCOMPLETE

    def _state(self, name: str, url: str, gallery: Gallery, exhausted: bool) -> PersonState:
        return PersonState(
            name=name,
            url=url,
            listed=gallery.count,
            listed_all=gallery.listed_all,
            exhausted=exhausted,
            min_side_px=self.options.min_side_px,
        )

    async def _pictures(self, person: str, gallery: Gallery) -> bool:
        """Downloads a gallery's pictures up to the limit; True where no picture needs another attempt."""
        settled, at = True, 0
        while not self._has_enough(person) and await gallery.reach(at + 1):
            outcome = await self._picture(person, gallery.links[at])
            self.tally.pictures[outcome] += 1
            settled = settled and outcome not in TROUBLE
            at += 1
            self.show(person)
        self.tally.pictures[Outcome.SAME_URL] += gallery.same
        self.tally.pages_lost += gallery.lost is not None
        return settled and gallery.listed_all and at == len(gallery.links)

    def _has_enough(self, person: str) -> bool:
        return self.options.max_images is not None and self.archive.kept[person] >= self.options.max_images

    async def _picture(self, person: str, link: Link) -> Outcome:
        if (owner := self.archive.owner(link.url)) is not None:
            return Outcome.ALREADY if owner == person else Outcome.SAME_URL
        if self.site.image is None:
            return await self._image(person, link.found_on, link.url)
        page = await self._fetch(link.url, link.found_on)
        if isinstance(page, Outcome):
            return self._refuse(person, page, link.url, None)
        image_url = next(iter(addresses(page, self.site.image, "src")), None)
        if image_url is None:
            return Outcome.NO_IMAGE
        if self.archive.owner(image_url) is not None:
            return self._refuse(person, Outcome.SAME_URL, link.url, image_url)
        return await self._image(person, link.url, image_url)

    async def _image(self, person: str, page_url: str, image_url: str) -> Outcome:
        answer = await self._fetch(image_url, page_url)
        if isinstance(answer, Outcome):
            return self._refuse(person, answer, page_url, image_url)
        digest = hashlib.sha256(answer.body).hexdigest()
        if (same := self.archive.file_with(digest)) is not None:
            return self._refuse(person, Outcome.SAME_BYTES, page_url, image_url, sha256=digest, same_as=same)
        picture = inspect(answer.body)
        if isinstance(picture, Outcome):
            return self._refuse(person, picture, page_url, image_url, sha256=digest)
        size = {"width_px": picture.width_px, "height_px": picture.height_px}
        if min(picture.width_px, picture.height_px) < self.options.min_side_px:
            return self._refuse(person, Outcome.TOO_SMALL, page_url, image_url, sha256=digest, **size)
        record = Kept(
            file_name=self.archive.next_file_name(person, picture.extension),
            page_url=page_url,
            image_url=image_url,
            fetched_at=_now(),
            sha256=digest,
            size_bytes=len(answer.body),
            headers={name: value.decode("latin-1") for name in HEADERS if (value := answer.headers.get(name))},
            robots=answer.meta["robots"],
            **size,
        )
        self.archive.keep(person, answer.body, record)
        return Outcome.KEPT

    def _refuse(self, person: str, reason: Outcome, page_url: str, image_url: str | None, **facts: Any) -> Outcome:
        """Records a final refusal; other refusals are only counted."""
        if reason in FINAL:
            refused = RefusedPicture(reason=reason, page_url=page_url, image_url=image_url, fetched_at=_now(), **facts)
            self.archive.refuse(person, refused)
        return reason

    async def _fetch(self, url: str, found_on: str | None) -> HttpAnswer | Outcome:
        """A 2xx answer, after retries and redirects within the site, or the reason for its absence. Raises CrawlError
        after PATIENCE failed requests in a row.
        """
        if not self.is_on_site(url):
            return Outcome.OFF_SITE
        answer = await self._ask(url, found_on)
        if answer is Outcome.FORBIDDEN:
            return answer  # no request was sent
        self._failed_in_a_row = self._failed_in_a_row + 1 if answer in {Outcome.FAILED, Outcome.TIMED_OUT} else 0
        if self._failed_in_a_row >= PATIENCE:
            raise CrawlError(
                f"expected answers from {urlsplit(url).hostname}, got {PATIENCE} failures in a row: it may be down or "
                f"want no more requests; see {self._log()}, wait some hours and run the same command again"
            )
        return answer

    async def _ask(self, url: str, found_on: str | None) -> HttpAnswer | Outcome:
        request = scrapy.Request(url, headers={"Referer": found_on} if found_on else None)
        try:
            answer: HttpAnswer = await self.crawler.engine.download_async(request)
        except ForbiddenByRobots:
            return Outcome.FORBIDDEN
        except TooManyRedirects:
            return Outcome.BROKEN_LINK
        except exceptions.DownloadTimeoutError:
            return Outcome.TIMED_OUT
        except (exceptions.DownloadCancelledError, exceptions.IgnoreRequest):
            return Outcome.TOO_LARGE  # before or after decompression
        except Exception:
            # an error of the network, the server or Twisted at one address must not end the crawl
            logger.exception("given up: %s", url)
            return Outcome.FAILED
        if 200 <= answer.status < 300:
            return answer
        if 300 <= answer.status < 400:
            return Outcome.OFF_SITE
        return Outcome.BROKEN_LINK if answer.status in {404, 410} else Outcome.FAILED


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
