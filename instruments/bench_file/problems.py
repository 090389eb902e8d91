"""What is wrong in a bench file, said in one line: where, what was found, what is allowed."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NoReturn, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from instruments.errors import BenchFileError

Model = TypeVar("Model", bound=BaseModel)

_LONGEST_VALUE = 60
_EXPECTED = {
    "model_type": "a table is expected",
    "dict_type": "a table is expected",
    "list_type": "a list in square brackets is expected",
    "tuple_type": "a list in square brackets is expected",
    "string_type": "a text in quotes is expected",
    "bool_type": "true or false, without quotes, is expected",
    "bool_parsing": "true or false, without quotes, is expected",
    "int_type": "a whole number without quotes is expected",
    "int_parsing": "a whole number without quotes is expected",
    "int_from_float": "a whole number is expected",
    "float_type": "a number without quotes or unit is expected",
    "float_parsing": "a number without quotes or unit is expected",
    "finite_number": "a finite number is expected",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Parameters
    ----------
    key
        Where, as a dotted key: ``"stages.first.blocks.rows"``.
    message
        What was found and what is allowed, in one line.
    """

    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.key}: {self.message}" if self.key else self.message


class SectionError(ValueError):
    """Raised by a validator of a section about one of the keys below it.

    Parameters
    ----------
    message
        What was found and what is allowed.
    key
        The keys below the section or field that is being validated.
    """

    def __init__(self, message: str, *key: str | int) -> None:
        self.key = key
        super().__init__(message)


def refuse(origin: str, problems: Iterable[Problem]) -> None:
    """Raise if there are problems.

    Raises
    ------
    BenchFileError
        With ``origin``, the first problem, and where the others are.
    """
    found = list(problems)
    if found:
        _raise(origin, found)


def _raise(origin: str, problems: Sequence[Problem]) -> NoReturn:
    first, *others = problems
    line = f"{origin}: {first}"
    if others:
        keys = list(dict.fromkeys(other.key for other in others if other.key))
        shown = ", ".join(keys[:3]) + (", .." if len(keys) > 3 else "")
        line += f" ({len(others)} more at {shown})" if shown else f" ({len(others)} more)"
    raise BenchFileError(" ".join(line.split()))


def validate_section(
    origin: str, model: type[Model], values: Mapping[str, object], key: str = ""
) -> Model:
    """Build a model from a table of a bench file.

    Parameters
    ----------
    origin
        The file, as messages name it.
    model
        What the table has to hold; keys it does not know are refused, whatever its configuration.
    values
        The table.
    key
        Dotted key of the table in the file; empty for the file as a whole.

    Raises
    ------
    BenchFileError
        If anything is wrong.
    """
    if model.model_config.get("extra") is None:
        refuse(
            origin,
            (
                Problem(_joined(key, (name,)), _unknown_key(name, model))
                for name in values
                if name not in _keys(model)
            ),
        )
    try:
        return model.model_validate(values)
    except ValidationError as invalid:
        _raise(origin, problems_in(invalid, model, key))


def problems_in(invalid: ValidationError, model: type[BaseModel], key: str = "") -> list[Problem]:
    """Return what pydantic found wrong with a table, unknown keys first.

    A misspelt key is both unknown and missing; the unknown one says what was written.
    """
    problems = [
        (error["type"] != "extra_forbidden", _problem(error, model, key))
        for error in invalid.errors(include_url=False)
    ]
    return [problem for _, problem in sorted(problems, key=lambda pair: pair[0])]


def nearest(found: str, allowed: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the nearest of the names allowed, or nothing."""
    by_lower = {name.lower(): name for name in allowed}
    near = difflib.get_close_matches(found.lower(), by_lower, n=1, cutoff=0.6)
    return f"; did you mean '{by_lower[near[0]]}'?" if near else ""


def listed(names: Iterable[str]) -> str:
    """Return names in quotes with commas, or that there are none."""
    return ", ".join(f"'{name}'" for name in names) or "none"


def shown(value: object) -> str:
    """Return a value as a message shows it: one short line."""
    text = " ".join(repr(value).split())
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 2] + ".."


def _problem(error: Any, model: type[BaseModel], key: str) -> Problem:
    location = tuple(part for part in error["loc"] if part != "[key]")
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, SectionError):
        location += cause.key
    where = _joined(key, location)
    if isinstance(cause, Exception):
        return Problem(where, str(cause))
    if error["type"] == "extra_forbidden":
        parent = _bare(_annotation_at(model, location[:-1]))
        return Problem(where, _unknown_key(str(location[-1]), parent))
    if error["type"] == "missing":
        return Problem(where, _missing(model, location))
    found = f"found {shown(error['input'])}"
    if error["type"] == "literal_error":
        choices = get_args(_bare(_annotation_at(model, location)))
        if choices:
            # As a file writes them: words in quotes, numbers without.
            allowed = ", ".join(map(repr, choices))
            words = [choice for choice in choices if isinstance(choice, str)]
            return Problem(
                where, f"{found}; allowed: {allowed}{nearest(str(error['input']), words)}"
            )
    expected = _EXPECTED.get(error["type"])
    if error["type"] == "too_short":
        expected = f"a list of at least {error['ctx']['min_length']} is expected"
    if expected is None:
        message = error["msg"].removeprefix("Input ")
        expected = message[:1].lower() + message[1:]
    return Problem(where, f"{found}; {expected}")


def _unknown_key(name: str, model: object) -> str:
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return f"no such key '{name}'"
    keys = _keys(model)
    return f"no such key '{name}'; allowed here: {', '.join(keys)}{nearest(name, keys)}"


def _missing(model: type[BaseModel], location: Sequence[str | int]) -> str:
    parent = _bare(_annotation_at(model, location[:-1]))
    if isinstance(parent, type) and issubclass(parent, BaseModel):
        for name, field in parent.model_fields.items():
            if location[-1] in (name, field.alias) and field.description:
                return f"missing; it is needed: {field.description}"
    return "missing; it is needed"


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _joined(key: str, location: Sequence[str | int]) -> str:
    """Return a dotted key; entries of lists are counted from 1."""
    for part in location:
        if isinstance(part, int):
            key += f"[{part + 1}]"
        else:
            key += f".{part}" if key else part
    return key


def _annotation_at(model: object, location: Sequence[str | int]) -> object:
    """Return the type expected at a location, or ``None`` if that cannot be told."""
    annotation: object = model
    for part in location:
        annotation = _bare(annotation)
        arguments = get_args(annotation)
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            fields = annotation.model_fields
            field = fields.get(str(part)) or next(
                (field for field in fields.values() if field.alias == part), None
            )
            annotation = field.annotation if field else None
        elif get_origin(annotation) is dict:
            annotation = arguments[1]
        elif get_origin(annotation) in (list, tuple) and arguments:
            annotation = arguments[0]
        else:
            return None
    return annotation


def _bare(annotation: object) -> object:
    """Return a type without its metadata and without ``None`` as an alternative."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        some = [argument for argument in get_args(annotation) if argument is not type(None)]
        return _bare(some[0]) if len(some) == 1 else None
    return annotation
