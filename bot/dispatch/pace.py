"""The dispatcher's times, all in seconds, as the configuration gives them."""

from __future__ import annotations

from dataclasses import dataclass

from bot.config import Config


@dataclass(frozen=True)
class Pace:
    """See the fields of the same names in Config."""

    lease_s: float = 15.0
    handout_s: float = 30.0
    alive_s: float = 8.0
    tick_s: float = 1.0
    edit_interval_s: float = 3.0
    calls_per_s: float = 25.0

    @classmethod
    def of(cls, config: Config) -> Pace:
        return cls(
            lease_s=config.lease_s,
            handout_s=config.handout_s,
            alive_s=config.alive_s,
            tick_s=config.tick_s,
            edit_interval_s=config.edit_interval_s,
            calls_per_s=config.calls_per_s,
        )
