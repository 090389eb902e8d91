"""A JSON schema of bench files, with which editors complete and check while one types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from instruments.bench_file.instrument_sections import kind_in_words
from instruments.bench_file.limited_quantities import LIMITED_QUANTITIES, LimitedQuantity
from instruments.bench_file.schema import BenchFile

TITLE = "Backbeam bench file"


def bench_file_schema(driver_settings: Mapping[str, type[BaseModel]]) -> dict[str, Any]:
    """Return the schema, ready for ``json.dumps``.

    Parameters
    ----------
    driver_settings
        Settings models by the name of their driver. An instrument with another driver may have
        any settings.
    """
    models: list[type[BaseModel]] = [BenchFile, *driver_settings.values()]
    references, definitions = models_json_schema([(model, "validation") for model in models])
    schemas = definitions["$defs"]
    instrument = schemas["InstrumentSection"]
    instrument["properties"]["driver"]["examples"] = list(driver_settings)
    instrument["allOf"] = [
        *(
            _where("driver", name, {"settings": references[(model, "validation")]})
            for name, model in driver_settings.items()
        ),
        *(
            _where("kind", kind_in_words(kind), {"limits": _limits(known)})
            for kind, known in LIMITED_QUANTITIES.items()
        ),
    ]
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": TITLE,
        **references[(BenchFile, "validation")],
        "$defs": schemas,
    }


def _where(key: str, value: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "if": {"properties": {key: {"const": value}}},
        "then": {"properties": dict(properties)},
    }


def _limits(known: Mapping[str, LimitedQuantity]) -> dict[str, Any]:
    return {
        "properties": {
            name: {
                "type": "array",
                "minItems": 2,
                "maxItems": 2,
                "items": {"type": "string" if quantity.kind else "integer"},
                "description": "Lowest and highest value allowed"
                + (f", such as '{quantity.kind.example}'." if quantity.kind else "."),
            }
            for name, quantity in known.items()
        },
        "additionalProperties": False,
    }
