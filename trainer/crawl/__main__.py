"""Command line: downloads the galleries of one site, person by person, politely. Only for lawful purposes: you are
responsible for the rights to the downloads. robots.txt is always obeyed.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from pydantic import ValidationError
from scrapy.crawler import AsyncCrawlerProcess

from trainer.crawl import politeness
from trainer.crawl.archive import PhotoArchive
from trainer.crawl.errors import CrawlError, one_line
from trainer.crawl.options import PRODUCT, CrawlOptions
from trainer.crawl.outcome import Tally
from trainer.crawl.records import CrawlRun
from trainer.crawl.site import THEPLACE, THEPLACE_START, Site, load_site
from trainer.crawl.spider import GallerySpider
from trainer.crawl.view import CrawlView, summary
from trainer.errors import TrainerError

STOPPED = 130
CONFIG_EXAMPLE = """\
the YAML file (CSS selectors; a selector may end in ::attr(name) where the address is not in href, or src for image):
  index_links: "div.letters a"      # optional: pages that list persons; without it the start page lists them
  next_index: "a.more"              # optional: the next page of such a list
  person_links: "div.people a"      # required
  picture_links: "div.gallery a"    # required: to picture pages, or to the images where there is no image: below
  next_page: "a.next"               # optional: the next page of a gallery; or page_parameter: "page" for ?page=2 ...
  image: "img.full"                 # optional: the full image on a picture page
  photo_count: "p.count"            # optional: text that says how many pictures there are
  photo_count_pattern: "([0-9]+)"   # optional: the number in that text
  also_hosts: ["images.example.org"]  # optional: other hosts of the same site
"""


def main(arguments: list[str] | None = None) -> int:
    """Runs one crawl: 0 when it is complete, 130 when it was interrupted, 2 with one line on stderr for a user's
    mistake."""
    options = _parser().parse_args(arguments)
    try:
        site = THEPLACE if options.site == "theplace" else load_site(options.config)
        crawl_options = _crawl_options(options)
        with PhotoArchive(crawl_options.out, crawl_options.min_side_px) as archive:
            return crawl(crawl_options, site, archive)
    except TrainerError as error:
        print(f"crawl: {error}", file=sys.stderr)
        return 2


def crawl(options: CrawlOptions, site: Site, archive: PhotoArchive) -> int:
    """Crawls a site into an archive and writes the run's line; the exit code of the command."""
    tally = Tally()
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    # The terminal shows the progress, so the log goes to the file alone.
    process = AsyncCrawlerProcess({**politeness.settings(options), "LOG_FILE": str(options.out / "crawl.log")})
    with CrawlView(tally, options.max_persons) as view:
        crawler = process.create_crawler(GallerySpider)
        process.crawl(crawler, options=options, site=site, archive=archive, tally=tally, show=view.show)
        process.start()
    spider: GallerySpider = crawler.spider
    ended = "failed" if spider.failure else "finished" if spider.finished else "stopped"
    http = _http_counts(crawler.stats.get_stats())
    archive.add_run(
        CrawlRun(
            started_at=started_at,
            ended_at=datetime.now(UTC).isoformat(timespec="seconds"),
            ended=ended,
            options=options.model_dump(mode="json"),
            site=site.model_dump(mode="json"),
            counts=tally.as_dict(),
            http=http,
        )
    )
    if spider.failure:
        raise spider.failure
    view.console.print(summary(tally, http))
    if not spider.finished:
        view.console.print("stopped before the end; the same command goes on from here")
        return STOPPED
    return 0


def _http_counts(stats: dict[str, object]) -> dict[str, int]:
    """Requests, retries and answers by status, from Scrapy's statistics."""
    names = {
        "downloader/request_count": "sent",
        "retry/count": "retried",
        "downloader/response_bytes": "bytes received",
    }
    counts = {label: int(str(stats[name])) for name, label in names.items() if name in stats}
    prefix = "downloader/response_status_count/"
    statuses = {
        f"answered {name.removeprefix(prefix)}": stats[name] for name in sorted(stats) if name.startswith(prefix)
    }
    return counts | {name: int(str(count)) for name, count in statuses.items()}


def _crawl_options(options: argparse.Namespace) -> CrawlOptions:
    values = {name: value for name, value in vars(options).items() if name in CrawlOptions.model_fields}
    if options.user_agent is None:
        if not options.contact:
            raise CrawlError(
                "expected --contact ADDRESS, so that the site can reach you, got none; "
                "give an e-mail or a web address (or a whole --user-agent with one in it)"
            )
        values["user_agent"] = f"{PRODUCT}/{version('bolid')} (+{options.contact})"
    try:
        return CrawlOptions.model_validate(values)
    except ValidationError as error:
        raise one_line(error, "options") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m trainer.crawl", description=__doc__)
    sites = parser.add_subparsers(dest="site", required=True, metavar="theplace | gallery")
    theplace = sites.add_parser("theplace", help="celebrity galleries of theplace")
    theplace.add_argument("--start-url", default=THEPLACE_START, help="the page of letters (%(default)s)")
    gallery = sites.add_parser(
        "gallery",
        help="any site of galleries, described by selectors",
        epilog=CONFIG_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    gallery.add_argument("--start-url", required=True, help="the page that lists persons, or lists of them")
    gallery.add_argument("--config", type=Path, required=True, metavar="YAML", help="the site's selectors")
    for command in (theplace, gallery):
        _limits(command)
        _manners(command)
    return parser


def _default(field: str) -> object:
    return CrawlOptions.model_fields[field].default


def _limits(command: argparse.ArgumentParser) -> None:
    add = command.add_argument_group("what to take").add_argument
    add("--out", type=Path, required=True, metavar="DIR", help="the folder to fill; a cut-off run resumes there")
    add("--min-images", type=int, default=_default("min_images"), help="leave out persons with fewer (%(default)s)")
    add("--max-images", type=int, default=None, help="pictures to keep of each person (all)")
    add("--max-persons", type=int, default=None, help="persons to take, those already there included (all)")
    add("--min-side", type=int, dest="min_side_px", default=_default("min_side_px"), help="px (%(default)s)")
    add("--max-bytes", type=int, default=_default("max_bytes"), help="largest answer to accept (%(default)s)")
    add("--seed", type=int, default=_default("seed"), help="of the random order of persons (%(default)s)")
    add("--relist", action="store_true", help="list the persons anew instead of taking an earlier run's list")


def _manners(command: argparse.ArgumentParser) -> None:
    add = command.add_argument_group("manners").add_argument
    add("--contact", metavar="ADDRESS", help="e-mail or web address for the site's owner to reach you")
    add("--user-agent", default=None, help="instead of the crawler's own; must have an address in it")
    add(
        "--delay",
        type=float,
        dest="delay_s",
        default=_default("delay_s"),
        help="least seconds between requests (%(default)s)",
    )
    add("--concurrency", type=int, default=_default("concurrency"), help="requests at once (%(default)s)")
    add("--timeout", type=float, dest="timeout_s", default=_default("timeout_s"), help="seconds (%(default)s)")
    add("--retries", type=int, default=_default("retries"), help="after timeouts and 5xx (%(default)s)")
    add(
        "--backoff",
        type=float,
        dest="backoff_s",
        default=_default("backoff_s"),
        help="seconds before the first retry, doubling (%(default)s)",
    )


if __name__ == "__main__":
    sys.exit(main())
