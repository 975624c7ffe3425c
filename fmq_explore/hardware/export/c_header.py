"""A quantized network as one C99 header: packed codes, levels or scales, and how to decode them."""

__all__ = ["c_data_bytes", "c_header", "write_c_header"]

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path

from ...quantize import QuantizedModel
from .c_arrays import c_name, c_string
from .c_contents import KINDS, Contents, Line, contents_of, name_size

TEMPLATE = Path(__file__).with_name("decode_template.h")


def write_c_header(qm: QuantizedModel, path: str | PathLike[str], name: str = "model") -> int:
    """Writes a quantized network as a self-contained C99 header.

    Args:
        qm: The quantized network.
        path: The header to write; a failure half-way leaves an older file as it was.
        name: Begins all names in the header; a C identifier.

    Returns:
        What the constants take of a chip's flash, `c_data_bytes(qm)`, in bytes.

    Raises:
        ValueError: The name is no C identifier, or float32 cannot hold a tensor that was kept.
    """
    path = Path(path)
    contents = contents_of(qm, name)
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_text("".join(_source(qm, contents, name)), encoding="ascii")
    unfinished.replace(path)
    return contents.n_bytes


def c_header(qm: QuantizedModel, name: str = "model") -> str:
    """Returns the text that `write_c_header` writes.

    It needs `<stddef.h>` and `<stdint.h>` and nothing else: no library, no memory but the caller's,
    no double. All data are `static const`, so they stay in flash. Decoded weights are those of
    `dequantize()`, bit for bit, wherever floats are IEEE 754 and subnormal ones are not flushed to
    zero: float16 levels are read by integer code, and the product of a scale is rounded before
    an offset is added, which a volatile variable forces (no compiler may then fuse the two).

    Example:
        >>> from torch import nn
        >>> from ...quantize import quantize_model
        >>> header = c_header(quantize_model(nn.Linear(64, 4), bits=2), name="tiny")
        >>> "static inline void tiny_decode(const tiny_tensor *tensor, float *out)" in header
        True
    """
    return "".join(_source(qm, contents_of(qm, name), name))


def c_data_bytes(qm: QuantizedModel) -> int:
    """Returns the bytes of constant data in the header's object file for a 32-bit chip.

    Packed codes, levels or scales, kept tensors in float32, the table of tensors and their names.
    `size` of a compiler's tools shows the same number for the sections `.rodata`; the decoder's
    code, a few hundred bytes, is not counted.

    Raises:
        ValueError: As for `write_c_header`.

    Example:
        >>> from torch import nn
        >>> from ...quantize import quantize_model
        >>> c_data_bytes(quantize_model(nn.Linear(64, 4), bits=2))
        248
    """
    return contents_of(qm, "model").n_bytes


def _source(qm: QuantizedModel, contents: Contents, name: str) -> Iterator[str]:
    """Yields the header, part by part."""
    yield _head(qm, contents, name)
    for array in contents.arrays:
        yield array.source() + "\n\n"
    names = _identifiers([line.name for line in contents.lines], name)
    for i, line in enumerate(contents.lines):
        size = name_size(line.name)
        yield f"static const char {name}_name_{i}[{size}] = {c_string(line.name)};\n"
    yield "\n/* Where each tensor stands in the table. */\nenum {\n"
    yield "".join(f"    {identifier} = {i},\n" for i, identifier in enumerate(names))
    yield f"    {name.upper()}_N_TENSORS = {len(names)}\n}};\n\n"
    yield f"static const {name}_tensor {name}_tensors[{len(names)}] = {{\n"
    yield "".join(_row(i, line, contents.n_dims, name) for i, line in enumerate(contents.lines))
    yield "};\n\n"
    yield _renamed(TEMPLATE.read_text(encoding="ascii"), name)
    yield f"\n#endif /* {name.upper()}_H */\n"


def _identifiers(tensors: Sequence[str], name: str) -> list[str]:
    """Returns a constant's name for each tensor, numbered where two would be the same."""
    wanted = [f"{name}_{c_name(tensor)}".upper() for tensor in tensors]
    return [
        text if wanted.count(text) == 1 and not text.endswith("_N_TENSORS") else f"{text}_AT_{i}"
        for i, text in enumerate(wanted)
    ]


def _row(i: int, line: Line, n_dims: int, name: str) -> str:
    """Returns one line of the table of tensors."""
    shape = ", ".join(str(size) for size in (*line.shape, *(1,) * (n_dims - len(line.shape))))
    numbers = (math.prod(line.shape), line.n_rows, line.row_length, line.channel_length)
    counts = ", ".join(f"{n}u" for n in numbers)
    pointers = f"{name}_name_{i}, {line.codes}, {line.values}, {line.table}"
    kind = f"{len(line.shape)}, {line.bits}, {line.radix}, {name.upper()}_{line.kind}"
    return f"    {{{pointers}, {{{shape}}}, {counts}, {kind}}},\n"


def _renamed(text: str, name: str) -> str:
    """Returns C source with the prefix `model` replaced."""
    text = re.sub(r"\bMODEL(?=_)", name.upper(), text)
    return re.sub(r"\bmodel(?=_)", name, text)


def _head(qm: QuantizedModel, contents: Contents, name: str) -> str:
    """Returns the beginning of the header, up to the type of a tensor."""
    kinds = "".join(f"    {name.upper()}_{kind} = {i},\n" for i, kind in enumerate(KINDS))
    values: Mapping[str, object] = {
        "scheme": qm.scheme,
        "granularity": qm.granularity,
        "n_bytes": contents.n_bytes,
        "n_dims": contents.n_dims,
        "kinds": kinds.rstrip(",\n"),
    }
    return _renamed(_HEAD % values, name)


_HEAD = """\
/* A quantized network (%(scheme)s, levels per %(granularity)s): %(n_bytes)d bytes of constants.

   C99; include it in one source file. It calls no library, allocates nothing and uses no double.
       float weights[N];
       model_decode(&model_tensors[i], weights);                  a whole tensor
       model_decode_channels(&model_tensors[i], 0, 4, weights);   its first four output channels
   The weights are those of Python bit for bit: do not flush subnormal floats to zero. */

#ifndef MODEL_H
#define MODEL_H

#include <stddef.h>
#include <stdint.h>

#define MODEL_DATA_BYTES %(n_bytes)d /* constants in flash, with pointers of 32 bits */
#define MODEL_MAX_DIMS %(n_dims)d

/* How the levels of a tensor are found. */
enum {
%(kinds)s
};

typedef struct {
    const char *name;
    const uint8_t *codes;    /* packed end to end, the lowest bit first; 0 for a kept tensor */
    const void *values;      /* levels or scales of every row; the weights of a kept tensor */
    const float *table;      /* what the scales multiply, by code; or 0 */
    uint32_t shape[MODEL_MAX_DIMS]; /* sizes beyond n_dims are 1 */
    uint32_t n_weights;
    uint32_t n_rows;         /* a row is what shares levels or a scale */
    uint32_t row_length;     /* the last row of a channel may be shorter */
    uint32_t channel_length; /* rows begin anew with each channel */
    uint8_t n_dims;
    uint8_t bits;            /* of a code; 32 for a kept tensor */
    uint8_t radix;           /* 0, or codes are digits below it, as many to a byte as fit */
    uint8_t kind;
} model_tensor;

"""
