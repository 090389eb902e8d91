"""Lines of the processor's caches that one core writes and another reads, for compiled loops.

A line that two cores have read is dear to write again: first it has to be taken from the other
one. A line that only one of them has touched last, be it the other one, is not. Nanoseconds a line
of 64 bytes, on two cores of an EPYC 9004, with and without a third cache in common::

    written again, the other core has read it          7    29
    written again, the other core has written it       1     3
    written past the caches                            2     2
    read, the other core has written it                1     3
    read, it was written past the caches               2     2

So whoever is the only one to read what another core wrote makes it its own (``claim``), and what
several cores read is written past their caches (``stream``).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import njit, types

from instruments.shared_words import intrinsic, load, store

Floats = npt.NDArray[np.float32]

_BYTES = 64
_FLOATS = _BYTES // 4
_WORD_BYTES = 8
_LINE = ir.VectorType(ir.FloatType(), _FLOATS)


@njit(cache=True, forceinline=True)
def claim(values: Floats) -> None:
    """Make the lines of contiguous ``values`` this core's own.

    A word of each is written as it is, so nobody else may be writing them, and they have to be
    some that can be written.
    """
    first = (values.ctypes.data + _WORD_BYTES - 1) & -_WORD_BYTES
    behind = values.ctypes.data + 4 * values.size - _WORD_BYTES + 1
    if first < behind:
        store(first, load(first))
    for place in range((first | (_BYTES - 1)) + 1, behind, _BYTES):
        store(place, load(place))


@njit(cache=True, forceinline=True)
def stream(values: Floats, written: Floats) -> None:
    """Copy ``values [n]`` to ``written [n]``, both contiguous, past the caches.

    Before another core may read them, ``settle``.
    """
    source, target = values.ctypes.data, written.ctypes.data
    count = values.size
    first = min((-target & (_BYTES - 1)) // 4, count)
    last = count - (count - first) % _FLOATS
    for i in range(first):
        written[i] = values[i]
    for i in range(first, last, _FLOATS):
        _stream_line(target + 4 * i, source + 4 * i)
    for i in range(last, count):
        written[i] = values[i]


@intrinsic
def settle(_: Any) -> Any:
    """Have what was written past the caches done before anything that is written from now on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def _stream_line(_: Any, target: Any, source: Any) -> Any:
    """Copy a line between addresses, the first of which is that of a line."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        to, given = (builder.inttoptr(one, _LINE.as_pointer()) for one in arguments)
        written = builder.store(builder.load(given, align=4), to, align=_BYTES)
        one = ir.Constant(ir.IntType(32), 1)
        written.set_metadata("nontemporal", builder.module.add_metadata([one]))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate
