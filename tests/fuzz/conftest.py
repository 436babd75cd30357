"""Random inputs: FUZZ_INPUTS of them per test (`make fuzz` sets it); by default a few, always the same."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

INPUTS = int(os.environ.get("FUZZ_INPUTS") or 40)

settings.register_profile(
    "fuzz",
    max_examples=INPUTS,
    deadline=None,
    derandomize="FUZZ_INPUTS" not in os.environ,
    database=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
settings.load_profile("fuzz")
