"""Networks in ONNX files, run by onnxruntime on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import WeightsError


class OnnxNetwork:
    """One network with one input."""

    def __init__(self, path: Path, threads: int = 1, any_size: bool = False) -> None:
        """`any_size`: the file states one input size, but the network is convolutional and takes other sizes. Raises
        WeightsError for a file of another kind."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        # threads sleep between calls instead of spinning: the same cores draw the pictures
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            content = _without_sizes(path) if any_size else path.read_bytes()
            self._session: Any = onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own errors share no base
            reason = str(error).partition("\n")[0]
            raise WeightsError(
                f"expected a network in {path}, got {reason}: delete the file and fetch it again"
            ) from error
        self._input = self._session.get_inputs()[0].name

    def __call__(self, batch: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Every output, in the order of the file."""
        outputs: list[NDArray[np.float32]] = self._session.run(None, {self._input: batch})
        return outputs


def _without_sizes(path: Path) -> bytes:
    """The file with batch, height and width of inputs and outputs left open."""
    import onnx

    model = onnx.load(str(path))
    weights = {tensor.name for tensor in model.graph.initializer}  # old files list them among the inputs
    for value in (*(entry for entry in model.graph.input if entry.name not in weights), *model.graph.output):
        for axis in (0, 2, 3):
            value.type.tensor_type.shape.dim[axis].dim_param = f"{value.name}_{axis}"
    content: bytes = model.SerializeToString()
    return content
