"""What every table of a bench file has in common, and the types of plain keys."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_TITLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]*")


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(
            f"'{text}' is not a name; letters, digits, _ and - are allowed, a letter first"
        )
    return text


def _title(text: str) -> str:
    if not _TITLE.fullmatch(text):
        raise ValueError(
            f"'{text}' is not a name; letters, digits, spaces, '.', '_' and '-' are allowed, a "
            "letter or digit first"
        )
    return text


Name = Annotated[str, AfterValidator(_name)]
Title = Annotated[str, AfterValidator(_title)]
Count = Annotated[int, Field(strict=True, ge=1)]
Index = Annotated[int, Field(strict=True, ge=0)]
PositiveNumber = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]


class Section(BaseModel):
    """A table of a bench file: keys it does not know are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")
