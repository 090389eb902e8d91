"""Which blocks of a weight panel are bright: one, a row, a column, all of them, none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from instruments.errors import SettingsError

Choice = Literal["all", "none", "row", "column", "block"]


@dataclass(frozen=True)
class Blocks:
    """A choice of blocks; rows are outputs, columns are inputs, both counted from 0."""

    choice: Choice = "none"
    row: int = 0
    column: int = 0

    def mask(self, shape: tuple[int, int]) -> npt.NDArray[np.bool_]:
        """Return which of the blocks ``[rows, columns]`` are bright.

        Raises
        ------
        SettingsError
            If there is no such row or column.
        """
        if self.choice in ("row", "block"):
            _check("row", self.row, shape[0])
        if self.choice in ("column", "block"):
            _check("column", self.column, shape[1])
        bright = np.zeros(shape, np.bool_)
        if self.choice == "all":
            bright[:] = True
        elif self.choice == "row":
            bright[self.row] = True
        elif self.choice == "column":
            bright[:, self.column] = True
        elif self.choice == "block":
            bright[self.row, self.column] = True
        return bright

    def __str__(self) -> str:
        words = {
            "row": f"row {self.row}",
            "column": f"column {self.column}",
            "block": f"block {self.row} {self.column}",
        }
        return words.get(self.choice, self.choice)


def _check(what: str, place: int, count: int) -> None:
    if not 0 <= place < count:
        raise SettingsError(f"{what}: found {place}; there are {count}, counted from 0")
