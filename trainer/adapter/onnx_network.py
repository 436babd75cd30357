"""A frozen feed-forward network out of an ONNX file as a torch module that gradients pass through.

Recognition networks are published as ONNX files (insightface's packs, OSNet for re-identification); onnxruntime gives
their results but no gradients. Only what such networks are made of is understood: convolutions, norms, activations,
pooling and linear layers.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainer.errors import DataError

Attributes = dict[str, Any]


class FrozenOnnxNetwork(nn.Module):
    """One image in, one embedding out; its weights do not learn."""

    def __init__(self, path: Path) -> None:
        """Raises DataError for a file that is no network, or one with operators that are not understood."""
        super().__init__()
        import onnx
        from onnx import numpy_helper

        try:
            graph = onnx.load(str(path)).graph
        except Exception as error:  # protobuf's own errors share no base
            reason = str(error).partition("\n")[0]
            raise DataError(f"expected a network in {path}, got {reason}: give another ONNX file") from error
        unknown = sorted({node.op_type for node in graph.node} - set(OPERATORS) - {"Constant"})
        if unknown:
            raise DataError(
                f"expected a recognition network in {path}, got one with {', '.join(unknown)}: give another ONNX file"
            )
        weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        self._nodes: list[tuple[str, list[str], list[str], Attributes]] = []
        for node in graph.node:
            attributes = {own.name: onnx.helper.get_attribute_value(own) for own in node.attribute}
            if node.op_type == "Constant":
                weights[node.output[0]] = numpy_helper.to_array(attributes["value"])
            else:
                self._nodes.append((node.op_type, list(node.input), list(node.output), attributes))
        self._places = {name: f"weight_{number}" for number, name in enumerate(weights)}
        for name, value in weights.items():
            self.register_buffer(self._places[name], torch.from_numpy(np.array(value)))
        image = next(value for value in graph.input if value.name not in weights)
        self._input, self._output = image.name, graph.output[0].name
        self.size = tuple(int(axis.dim_value) for axis in image.type.tensor_type.shape.dim[2:])
        """Height and width px of the picture; 0 where the file leaves it open."""
        first = {node.op_type for node in list(graph.node)[:8]}
        self.normalises = {"Sub", "Mul"} <= first
        """Whether the file itself brings pixels of 0..255 to its own range, as insightface's oldest do."""

    def forward(self, pictures: Tensor) -> Tensor:
        """[B, 3, H, W] as the network wants its pixels -> [B, D]."""
        known: dict[str, Tensor] = {name: self.get_buffer(place) for name, place in self._places.items()}
        known[self._input] = pictures
        for kind, inputs, outputs, attributes in self._nodes:
            given = [known[name] if name else None for name in inputs]
            known[outputs[0]] = OPERATORS[kind](given, attributes)
        return known[self._output].flatten(1)


def _convolution(given: list[Any], own: Attributes) -> Tensor:
    picture, weight, bias = (*given, None)[:3]
    top, left, bottom, right = own.get("pads", [0, 0, 0, 0])
    strides, dilations = own.get("strides", [1, 1]), own.get("dilations", [1, 1])
    padded = F.pad(picture, (left, right, top, bottom))
    return F.conv2d(padded, weight, bias, strides, 0, dilations, own.get("group", 1))


def _norm(given: list[Any], own: Attributes) -> Tensor:
    picture, weight, bias, mean, variance = given
    return F.batch_norm(picture, mean, variance, weight, bias, eps=own.get("epsilon", 1e-5))


def _prelu(given: list[Any], own: Attributes) -> Tensor:
    picture, slope = given
    return torch.where(picture >= 0, picture, picture * slope)


def _linear(given: list[Any], own: Attributes) -> Tensor:
    left, right, bias = (*given, None)[:3]
    left = left.T if own.get("transA") else left
    right = right.T if own.get("transB") else right
    product: Tensor = own.get("alpha", 1.0) * left @ right
    return product if bias is None else product + own.get("beta", 1.0) * bias


def _largest_of_window(given: list[Any], own: Attributes) -> Tensor:
    top, left, bottom, right = own.get("pads", [0, 0, 0, 0])
    padded = F.pad(given[0], (left, right, top, bottom), value=float("-inf"))
    return F.max_pool2d(padded, own["kernel_shape"], own.get("strides", [1, 1]), ceil_mode=bool(own.get("ceil_mode")))


def _mean_of_window(given: list[Any], own: Attributes) -> Tensor:
    (top, left, *_), strides = own.get("pads", [0, 0, 0, 0]), own.get("strides", [1, 1])
    counts_padding = bool(own.get("count_include_pad", 0))
    return F.avg_pool2d(given[0], own["kernel_shape"], strides, (top, left), count_include_pad=counts_padding)


def _reshaped(given: list[Any], own: Attributes) -> Tensor:
    value, shape = given
    sizes = [value.shape[axis] if size == 0 else size for axis, size in enumerate(shape.tolist())]
    if len(sizes) > 1 and sizes[0] == 1:
        sizes[0] = -1 if -1 not in sizes else value.shape[0]  # the file's batch of one
    reshaped: Tensor = value.reshape(sizes)
    return reshaped


def _mean(given: list[Any], own: Attributes) -> Tensor:
    axes = own["axes"] if "axes" in own else given[1].tolist()
    return torch.mean(given[0], dim=list(axes), keepdim=bool(own.get("keepdims", 1)))


def _clipped(given: list[Any], own: Attributes) -> Tensor:
    low, high = (*given[1:], None, None)[:2]
    return torch.clamp(given[0], own.get("min", low), own.get("max", high))


OPERATORS: Final[dict[str, Callable[[list[Any], Attributes], Tensor]]] = {
    "Conv": _convolution,
    "BatchNormalization": _norm,
    "PRelu": _prelu,
    "Relu": lambda given, own: F.relu(given[0]),
    "LeakyRelu": lambda given, own: F.leaky_relu(given[0], own.get("alpha", 0.01)),
    "Sigmoid": lambda given, own: torch.sigmoid(given[0]),
    "HardSigmoid": lambda given, own: torch.clamp(own.get("alpha", 0.2) * given[0] + own.get("beta", 0.5), 0, 1),
    "HardSwish": lambda given, own: F.hardswish(given[0]),
    "Tanh": lambda given, own: torch.tanh(given[0]),
    "Softmax": lambda given, own: torch.softmax(given[0], own.get("axis", -1)),
    "Add": lambda given, own: given[0] + given[1],
    "Sub": lambda given, own: given[0] - given[1],
    "Mul": lambda given, own: given[0] * given[1],
    "Div": lambda given, own: given[0] / given[1],
    "Clip": _clipped,
    "Gemm": _linear,
    "MatMul": lambda given, own: given[0] @ given[1],
    "MaxPool": _largest_of_window,
    "AveragePool": _mean_of_window,
    "GlobalAveragePool": lambda given, own: given[0].mean((2, 3), keepdim=True),
    "GlobalMaxPool": lambda given, own: given[0].amax((2, 3), keepdim=True),
    "ReduceMean": _mean,
    "Flatten": lambda given, own: given[0].flatten(int(own.get("axis", 1))),
    "Reshape": _reshaped,
    "Transpose": lambda given, own: given[0].permute(*own["perm"]),
    "Concat": lambda given, own: torch.cat(given, dim=own["axis"]),
    "ReduceL2": lambda given, own: torch.linalg.vector_norm(
        given[0], dim=list(own["axes"]) if "axes" in own else given[1].tolist(), keepdim=bool(own.get("keepdims", 1))
    ),
    "Dropout": lambda given, own: given[0],
    "Identity": lambda given, own: given[0],
}  # fmt: skip
