"""Looks into an ONNX file without a library for it: whether a classifier needs what is in it.

A tensor's values may lie in a file that the model names, anywhere on the disk, and the library that
runs the model would read it. A loop may never end; functions that call functions, sparse tensors,
texts and operations that return as much as they like take any amount of memory. A classifier of
pictures of a fixed size has none of these: exporters write its loops out. So the operations are
compared with a list, of which each runs once and takes no more than some times what it returns.

An ONNX file is a message of Protocol Buffers: see ``onnx.proto``.
"""

from __future__ import annotations

MOST_FIELDS = 2_000_000
"""Of the messages of a file: a network of a thousand layers has some ten thousand."""
MOST_NODES = 20_000
"""The library takes ten seconds for as many in a row, and a hundred times as long for ten times as
many."""
_NAMES = """
    Abs Add And ArgMax ArgMin Attention AveragePool BatchNormalization BitShift Cast CastLike Ceil
    Celu Clip Concat Constant ConstantOfShape Conv ConvInteger ConvTranspose Cos CumSum
    DepthToSpace DequantizeLinear Div Dropout DynamicQuantizeLinear Einsum Elu Equal Erf Exp Expand
    EyeLike Flatten Floor Gather GatherElements GatherND Gelu Gemm GlobalAveragePool GlobalLpPool
    GlobalMaxPool Greater GreaterOrEqual GridSample GroupNormalization HardSigmoid HardSwish
    Hardmax Identity InstanceNormalization IsInf IsNaN LRN LayerNormalization LeakyRelu Less
    LessOrEqual Log LogSoftmax LpNormalization LpPool MatMul MatMulInteger Max MaxPool Mean
    MeanVarianceNormalization Min Mish Mod Mul Neg Not OneHot Or PRelu Pad Pow QLinearConv
    QLinearMatMul QuantizeLinear RMSNormalization Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum
    ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu
    Reshape Resize Round ScatterElements ScatterND Selu Shape Shrink Sigmoid Sign Sin Size Slice
    Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum Swish Tanh ThresholdedRelu
    Tile TopK Transpose Trilu Unsqueeze Upsample Where Xor
"""
OPERATIONS = frozenset(_NAMES.split())
"""Of ONNX's own that classifiers are made of."""

_INSIDE = {
    "model": {7: "graph", 20: "training"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 10: "tensor", 6: "graph", 11: "graph"},
    "tensor": {},
}
"""By the number of a field, the messages in a message that are looked into."""
_SPARSE = "it has sparse tensors; save it with dense ones"
_REFUSED = {
    ("model", 25): "it has functions; save it with their operations in their places",
    ("graph", 15): _SPARSE,
    ("attribute", 22): _SPARSE,
    ("attribute", 23): _SPARSE,
}
"""What is said of messages that no classifier needs."""
_TEXT = "it works with texts, which pictures have none of"
_DATA_TYPE, _STRING = 2, 8
_DATA_LOCATION = 14
"""The field of a tensor that is not 0 where its values are in another file."""
_ATTRIBUTE_NAME, _OPERATION, _DOMAIN = 1, 4, 7
_VARINT, _EIGHT, _LENGTH, _FOUR = 0, 1, 2, 5
_LONGEST_VARINT = 10  # bytes
_LONGEST_NAME = 100  # bytes of a name that are looked at


def check_network(data: bytes) -> None:
    """Refuse what no classifier of pictures needs.

    Raises:
        ValueError: the model has such a thing; or it is no ONNX file, or damaged.
    """
    waiting = [("model", 0, len(data))]
    fields = nodes = 0
    while waiting:
        kind, at, end = waiting.pop()
        while at < end:
            tag, at = _varint(data, at)
            number, form = (tag & 0xFFFFFFFF) >> 3, tag & 7
            if form == _VARINT:
                value, at = _varint(data, at)
                if kind == "tensor":
                    _check_tensor(number, value)
            elif form == _LENGTH:
                size, at = _varint(data, at)
                if number in _INSIDE[kind]:
                    waiting.append((_INSIDE[kind][number], at, at + size))
                    nodes += _INSIDE[kind][number] == "node"
                elif (kind, number) in _REFUSED:
                    raise ValueError(_REFUSED[kind, number])
                else:
                    _check_name(kind, number, data[at : at + min(size, _LONGEST_NAME)])
                at += size
            elif form in (_EIGHT, _FOUR):
                at += 8 if form == _EIGHT else 4
            else:
                raise ValueError("it is no ONNX file")
            fields += 1
            if at > end or fields > MOST_FIELDS:
                raise ValueError("it is no ONNX file, or damaged")
            if nodes > MOST_NODES:
                raise ValueError(f"it has more than {MOST_NODES:,} operations")


def _check_tensor(number: int, value: int) -> None:
    if number == _DATA_LOCATION and value:
        raise ValueError("it keeps weights in other files; save it as one file")
    if number == _DATA_TYPE and value & 0xFFFFFFFF == _STRING:
        raise ValueError(_TEXT)


def _check_name(kind: str, number: int, name: bytes) -> None:
    text = name.decode("ascii", "replace")
    if (kind, number) == ("node", _OPERATION) and text not in OPERATIONS:
        raise ValueError(f"it has the operation {text}, which no judge may have")
    if (kind, number) == ("node", _DOMAIN) and text not in ("", "ai.onnx"):
        raise ValueError(f"it has operations of {text}; save it with ONNX's own alone")
    if (kind, number) == ("attribute", _ATTRIBUTE_NAME) and "string" in text:
        raise ValueError(_TEXT)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A whole number, and where it ends."""
    value = 0
    for place, byte in enumerate(data[at : at + _LONGEST_VARINT]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at + place + 1
    raise ValueError("it is no ONNX file, or damaged")
