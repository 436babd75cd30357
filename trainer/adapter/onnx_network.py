"""A frozen feed-forward network from an ONNX file as a torch module with gradients.

Recognition networks are published as ONNX files (insightface's packs, OSNet for re-identification); onnxruntime
computes no gradients. Only the operators of such networks are supported: convolutions, norms, activations, pooling and
linear layers.
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
    """A network from one image to one embedding, with frozen weights."""

    def __init__(self, path: Path) -> None:
        """Raises DataError for a file that is no network, and for unsupported operators."""
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
            attributes = {attrs.name: onnx.helper.get_attribute_value(attrs) for attrs in node.attribute}
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
        """Whether the network itself normalises pixels of 0..255, as insightface's oldest do."""

    def forward(self, pictures: Tensor) -> Tensor:
        """[B, 3, H, W] in the network's range of pixels -> [B, D]."""
        known: dict[str, Tensor] = {name: self.get_buffer(place) for name, place in self._places.items()}
        known[self._input] = pictures
        for kind, inputs, outputs, attributes in self._nodes:
            args = [known[name] if name else None for name in inputs]
            known[outputs[0]] = OPERATORS[kind](args, attributes)
        return known[self._output].flatten(1)


def _convolution(args: list[Any], attrs: Attributes) -> Tensor:
    picture, weight, bias = (*args, None)[:3]
    top, left, bottom, right = attrs.get("pads", [0, 0, 0, 0])
    strides, dilations = attrs.get("strides", [1, 1]), attrs.get("dilations", [1, 1])
    padded = F.pad(picture, (left, right, top, bottom))
    return F.conv2d(padded, weight, bias, strides, 0, dilations, attrs.get("group", 1))


def _norm(args: list[Any], attrs: Attributes) -> Tensor:
    picture, weight, bias, mean, variance = args
    return F.batch_norm(picture, mean, variance, weight, bias, eps=attrs.get("epsilon", 1e-5))


def _prelu(args: list[Any], attrs: Attributes) -> Tensor:
    picture, slope = args
    return torch.where(picture >= 0, picture, picture * slope)


def _linear(args: list[Any], attrs: Attributes) -> Tensor:
    left, right, bias = (*args, None)[:3]
    left = left.T if attrs.get("transA") else left
    right = right.T if attrs.get("transB") else right
    product: Tensor = attrs.get("alpha", 1.0) * left @ right
    return product if bias is None else product + attrs.get("beta", 1.0) * bias


def _largest_of_window(args: list[Any], attrs: Attributes) -> Tensor:
    top, left, bottom, right = attrs.get("pads", [0, 0, 0, 0])
    padded = F.pad(args[0], (left, right, top, bottom), value=float("-inf"))
    return F.max_pool2d(
        padded, attrs["kernel_shape"], attrs.get("strides", [1, 1]), ceil_mode=bool(attrs.get("ceil_mode"))
    )


def _mean_of_window(args: list[Any], attrs: Attributes) -> Tensor:
    (top, left, *_), strides = attrs.get("pads", [0, 0, 0, 0]), attrs.get("strides", [1, 1])
    counts_padding = bool(attrs.get("count_include_pad", 0))
    return F.avg_pool2d(args[0], attrs["kernel_shape"], strides, (top, left), count_include_pad=counts_padding)


def _reshaped(args: list[Any], attrs: Attributes) -> Tensor:
    value, shape = args
    sizes = [value.shape[axis] if size == 0 else size for axis, size in enumerate(shape.tolist())]
    if len(sizes) > 1 and sizes[0] == 1:
        sizes[0] = -1 if -1 not in sizes else value.shape[0]  # the file's batch of one
    reshaped: Tensor = value.reshape(sizes)
    return reshaped


def _mean(args: list[Any], attrs: Attributes) -> Tensor:
    axes = attrs["axes"] if "axes" in attrs else args[1].tolist()
    return torch.mean(args[0], dim=list(axes), keepdim=bool(attrs.get("keepdims", 1)))


def _clipped(args: list[Any], attrs: Attributes) -> Tensor:
    low, high = (*args[1:], None, None)[:2]
    return torch.clamp(args[0], attrs.get("min", low), attrs.get("max", high))


OPERATORS: Final[dict[str, Callable[[list[Any], Attributes], Tensor]]] = {
    "Conv": _convolution,
    "BatchNormalization": _norm,
    "PRelu": _prelu,
    "Relu": lambda args, attrs: F.relu(args[0]),
    "LeakyRelu": lambda args, attrs: F.leaky_relu(args[0], attrs.get("alpha", 0.01)),
    "Sigmoid": lambda args, attrs: torch.sigmoid(args[0]),
    "HardSigmoid": lambda args, attrs: torch.clamp(attrs.get("alpha", 0.2) * args[0] + attrs.get("beta", 0.5), 0, 1),
    "HardSwish": lambda args, attrs: F.hardswish(args[0]),
    "Tanh": lambda args, attrs: torch.tanh(args[0]),
    "Softmax": lambda args, attrs: torch.softmax(args[0], attrs.get("axis", -1)),
    "Add": lambda args, attrs: args[0] + args[1],
    "Sub": lambda args, attrs: args[0] - args[1],
    "Mul": lambda args, attrs: args[0] * args[1],
    "Div": lambda args, attrs: args[0] / args[1],
    "Clip": _clipped,
    "Gemm": _linear,
    "MatMul": lambda args, attrs: args[0] @ args[1],
    "MaxPool": _largest_of_window,
    "AveragePool": _mean_of_window,
    "GlobalAveragePool": lambda args, attrs: args[0].mean((2, 3), keepdim=True),
    "GlobalMaxPool": lambda args, attrs: args[0].amax((2, 3), keepdim=True),
    "ReduceMean": _mean,
    "Flatten": lambda args, attrs: args[0].flatten(int(attrs.get("axis", 1))),
    "Reshape": _reshaped,
    "Transpose": lambda args, attrs: args[0].permute(*attrs["perm"]),
    "Concat": lambda args, attrs: torch.cat(args, dim=attrs["axis"]),
    "ReduceL2": lambda args, attrs: torch.linalg.vector_norm(
        args[0],
        dim=list(attrs["axes"]) if "axes" in attrs else args[1].tolist(),
        keepdim=bool(attrs.get("keepdims", 1)),
    ),
    "Dropout": lambda args, attrs: args[0],
    "Identity": lambda args, attrs: args[0],
}  # fmt: skip
