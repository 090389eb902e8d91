"""Binary blocks as IEEE 488.2 defines them (sections 7.7.6 and 8.7.9).

A definite block is ``#``, a digit that says how many digits follow, these digits that say how many
bytes follow, and the bytes. An indefinite one is ``#0`` and bytes up to the end of the message.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


class BlockError(ValueError):
    """What was received is not a block."""


@dataclass(frozen=True, slots=True)
class BlockHeader:
    """Where the bytes of a block begin, and how many they are; ``None``: up to the end."""

    start: int
    length: int | None

    @property
    def end(self) -> int | None:
        """Where the bytes end."""
        return None if self.length is None else self.start + self.length


def to_block(data: bytes) -> bytes:
    """Return ``data`` as a definite block."""
    digits = str(len(data)).encode()
    return b"#%d%b%b" % (len(digits), digits, data)


def read_header(message: bytes) -> BlockHeader | None:
    """Return the header at the beginning of a message, or ``None`` if not all of it is there yet.

    Raises
    ------
    BlockError
        If no block begins there.
    """
    if not message:
        return None
    if message[:1] != b"#":
        raise BlockError(f"found {message[:20]!r} where '#' begins a binary block")
    if len(message) < 2:
        return None
    if not message[1:2].isdigit():
        raise BlockError(f"found {message[:20]!r}; a digit follows the '#' of a binary block")
    digits = int(message[1:2])
    if digits == 0:
        return BlockHeader(2, None)
    length = message[2 : 2 + digits]
    if len(length) < digits:
        return None
    if not length.isdigit():
        raise BlockError(f"found {length!r} where a binary block says its length")
    return BlockHeader(2 + digits, int(length))


def block_values(data: bytes, dtype: npt.DTypeLike) -> npt.NDArray[np.generic]:
    """Return the numbers in the bytes of a block, in this computer's byte order.

    Parameters
    ----------
    data
        The bytes.
    dtype
        How the instrument packs them, byte order included: ``">i2"``, ``"<f4"``.

    Raises
    ------
    BlockError
        If the bytes are not a whole number of values.
    """
    packed = np.dtype(dtype)
    if len(data) % packed.itemsize:
        raise BlockError(
            f"{len(data)} bytes are not a whole number of {packed.itemsize}-byte values"
        )
    values = np.frombuffer(data, packed)
    return values.astype(packed.newbyteorder("="), copy=False)
