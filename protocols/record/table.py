"""Committed rows of a record, addressed by the names of their columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


class Table:
    """Rows of numbers with named columns.

    Parameters
    ----------
    values
        ``[rows, columns]``, float64.
    columns
        A name for each column.
    units
        A unit for each column, ``""`` where it has none.
    """

    def __init__(
        self, values: npt.NDArray[np.float64], columns: Sequence[str], units: Sequence[str]
    ) -> None:
        self.array = values
        self.columns = tuple(columns)
        self.units = dict(zip(columns, units, strict=True))

    def __getitem__(self, column: str) -> npt.NDArray[np.float64]:
        try:
            index = self.columns.index(column)
        except ValueError:
            known = ", ".join(self.columns)
            raise KeyError(f"no column {column!r}; there are {known}") from None
        return self.array[:, index]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __contains__(self, column: object) -> bool:
        return column in self.columns

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.array)

    def keys(self) -> tuple[str, ...]:
        """Names of the columns, so that ``dict(table)`` works."""
        return self.columns

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Any:
        return np.array(self.array, dtype=dtype, copy=copy is not False)

    def __repr__(self) -> str:
        columns = ", ".join(
            f"{name} [{unit}]" if unit else name for name, unit in self.units.items()
        )
        return f"<Table of {len(self)} rows: {columns}>"
