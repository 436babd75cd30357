"""What `bot.app` does beside running its parts."""

from __future__ import annotations

import gc

from bot.app import spare_collections


def test_what_start_up_made_is_exempt_from_garbage_collection() -> None:
    tracked = len(gc.get_objects())
    try:
        spare_collections()
        assert gc.get_freeze_count() > 0.9 * tracked
        assert len(gc.get_objects()) < 0.1 * tracked, "a full collection visits these"
    finally:
        gc.unfreeze()
