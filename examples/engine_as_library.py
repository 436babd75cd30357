"""A photo and a sentence become a picture, without bot and broker: python examples/engine_as_library.py PHOTO OUT."""

import sys
from pathlib import Path

from engine.config import load_config
from engine.contract import GenerateRequest, Reference, Reply, Result
from engine.factory import assemble

photo, out = Path(sys.argv[1]), Path(sys.argv[2])
pipeline = assemble(load_config(), worker_id="example")
request = GenerateRequest(
    job_id="1", references=(Reference(image=photo.read_bytes()),), prompt="walking in a park", seed=1
)
replies: list[Reply] = []
pipeline.generate([request], replies.append, is_cancelled=lambda job_id: False)
if not isinstance(replies[-1], Result):
    raise SystemExit(f"no picture: {replies[-1]}")
out.write_bytes(replies[-1].image)
