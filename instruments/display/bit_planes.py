"""Twenty-four binary frames in one picture: what a mirror device in video-pattern mode unpacks.

Such a controller takes the three bytes of every pixel apart and shows bit after bit. Its guide says
in which order; the DLPC350's has green first, then red, then blue, each from its lowest bit (TI
DLPU010, table "Pattern Number Mapping").
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from instruments.display.window import Picture

PLANES = 24
BITS = 8

ColourOrder = Literal["grb", "gbr", "rgb", "rbg", "brg", "bgr"]


def packed(frames: npt.NDArray[np.bool_], order: ColourOrder = "grb") -> Picture:
    """Return the picture ``[rows, columns, 3]`` whose bits are frames ``[n, rows, columns]``.

    Parameters
    ----------
    frames
        At most 24; planes beyond the last are dark.
    order
        In which order the controller takes the colours apart.
    """
    picture = np.zeros((*frames.shape[1:], 3), np.uint8)
    for place, colour in enumerate(order):
        some = frames[place * BITS : (place + 1) * BITS]
        if len(some):
            bits = np.packbits(some, axis=0, bitorder="little")
            picture[:, :, "rgb".index(colour)] = bits[0]
    return picture


def unpacked(picture: Picture, order: ColourOrder = "grb") -> npt.NDArray[np.bool_]:
    """Return the 24 frames ``[24, rows, columns]`` in a picture, as the controller shows them."""
    planes = [
        np.unpackbits(picture[np.newaxis, :, :, "rgb".index(colour)], axis=0, bitorder="little")
        for colour in order
    ]
    return np.concatenate(planes).astype(np.bool_)
