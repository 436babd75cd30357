"""Opens a face recognition network by the name in a setting."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from engine.errors import EngineError
from engine.hub.packaged import named, remedy
from engine.identity.faces import DEFAULT_PACK, DEFAULT_ROOT, CascadeFinder, open_finder
from trainer.adapter.recognition import Recognition, open_dlib_recognition, open_face_recognition
from trainer.errors import DataError

FaceNetwork = Literal["arcface", "dlib"]
FACE_NETWORKS: Final[tuple[FaceNetwork, ...]] = ("arcface", "dlib")


def open_face_network(
    name: FaceNetwork, root: Path | None = None, pack: str = DEFAULT_PACK, state: Path | None = None
) -> Recognition:
    """Opens a network that recognises faces.

    arcface is read from the insightface pack at <root>/models/<pack> (research only). dlib is read from the folder
    `state` (ENGINE_STATE if None), with the pack's finder or CenterFace. Raises DataError with the reason if a file is
    missing.
    """
    if state is None:
        from engine.config import load_config

        state = load_config().state
    try:
        if name == "arcface":
            folder = (root or DEFAULT_ROOT).expanduser()
            return open_face_recognition(folder / "models" / pack, open_finder(folder, pack))
        finder = open_finder(root, pack, state)
        if isinstance(finder, CascadeFinder):
            command = remedy(named("centerface"))
            raise DataError(
                f"expected a finder of faces with landmarks for dlib, got OpenCV's cascades: run `{command}`"
            )
        return open_dlib_recognition(state, finder)
    except EngineError as error:
        raise DataError(str(error)) from error
