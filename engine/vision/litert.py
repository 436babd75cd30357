"""Networks in TensorFlow Lite files, run by LiteRT (the package ai-edge-litert) on the CPU."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import SetupError, WeightsError


class Network:
    """One network with its buffers; calls from several threads wait for one another."""

    def __init__(self, path: Path, threads: int = 1) -> None:
        """Raises WeightsError for a file of another kind, SetupError where the package is missing."""
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise SetupError(f"expected LiteRT to load, got {error}: pip install ai-edge-litert") from error
        try:
            self._interpreter: Any = Interpreter(model_path=str(path), num_threads=threads)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            reason = str(error).partition("\n")[0]
            raise WeightsError(
                f"expected a network in {path}, got {reason}: delete the file and fetch it again"
            ) from error
        (entry,) = self._interpreter.get_input_details()
        self._input = int(entry["index"])
        self._outputs = [int(output["index"]) for output in self._interpreter.get_output_details()]
        self.size = int(entry["shape"][1])
        """Height and width of the input, px."""
        self._lock = threading.Lock()

    def __call__(self, picture: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """float32 [size, size, 3] -> every output without the batch axis, in the order of the file."""
        with self._lock:
            self._interpreter.set_tensor(self._input, picture[None].astype(np.float32, copy=False))
            self._interpreter.invoke()
            return [self._interpreter.get_tensor(index)[0] for index in self._outputs]


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities; logits beyond 100 in either direction count as 100."""
    return np.asarray(1 / (1 + np.exp(-logits.clip(-100, 100).astype(np.float64))), np.float32)
