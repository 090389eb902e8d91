"""Words of memory that threads of compiled code share, for numba.

What numba does not offer on a processor: reading and writing in an order that other threads can
rely on, changing a word only if nobody else has, and calling a function by its address. Addresses
and words are 64-bit integers.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba import extending, types

_Function = Callable[..., Any]
intrinsic = cast(Callable[[_Function], _Function], extending.intrinsic)

_WORD = ir.IntType(64)
_BYTES = 8
_HAS_PAUSE = platform.machine().lower() in ("x86_64", "amd64")


def _place(builder: ir.IRBuilder, address: ir.Value) -> ir.Value:
    return builder.inttoptr(address, _WORD.as_pointer())


@intrinsic
def load(_: Any, address: Any) -> Any:
    """Return the word at an address; what was written before it is seen from now on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load_atomic(_place(builder, arguments[0]), "acquire", _BYTES)

    return types.int64(types.int64), generate


@intrinsic
def store(_: Any, address: Any, word: Any) -> Any:
    """Write a word; whoever reads it sees what was written before, too."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store_atomic(arguments[1], _place(builder, arguments[0]), "release", _BYTES)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@intrinsic
def exchange_if(_: Any, address: Any, expected: Any, word: Any) -> Any:
    """Write a word if the one expected stands there; return whether it did."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _place(builder, arguments[0])
        before_and_success = builder.cmpxchg(place, *arguments[1:], "acq_rel", "acquire")
        return builder.extract_value(before_and_success, 1)

    return types.boolean(types.int64, types.int64, types.int64), generate


@intrinsic
def increment(_: Any, address: Any) -> Any:
    """Add one to the word at an address; return what it was before."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        one = ir.Constant(_WORD, 1)
        return builder.atomic_rmw("add", _place(builder, arguments[0]), one, "acq_rel")

    return types.int64(types.int64), generate


@intrinsic
def call(_: Any, function: Any, arguments: Any) -> Any:
    """Call the function at an address with a tuple of words; return the word it returns, if any."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        words = [builder.extract_value(values[1], place) for place in range(arguments.count)]
        kind = ir.FunctionType(_WORD, [_WORD] * arguments.count)
        return builder.call(builder.inttoptr(values[0], kind.as_pointer()), words)

    return types.int64(types.int64, arguments), generate


@intrinsic
def pause(_: Any) -> Any:
    """Tell the processor that this thread waits for a word to change."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if _HAS_PAUSE:
            kind = ir.FunctionType(ir.VoidType(), [])
            builder.call(builder.module.declare_intrinsic("llvm.x86.sse2.pause", (), kind), [])
        return context.get_dummy_value()

    return types.void(), generate


def word_of_symbol(name: str) -> Any:
    """Return a compiled function that returns the address the linker knows by a name."""

    @intrinsic
    def address(_: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            module = builder.module
            symbol = module.globals.get(name) or ir.GlobalVariable(module, _WORD, name)
            return builder.ptrtoint(symbol, _WORD)

        return types.int64(), generate

    return address
