"""The built-in bench with mirror devices in place of its modulators."""

from __future__ import annotations

from instruments.bench_file.reading import built_in_text, parse_bench_file
from instruments.bench_file.schema import BenchFile

INPUTS = """[instruments.inputs]
kind = "mirror device"
driver = "simulated mirror device"
limits = { picture_seconds = ["50 us", "1 s"] }
settings = { rows = 192, columns = 256 }

[mirrors.inputs]
blocks = { rows = 8, columns = 8, height = 12, width = 12, origin_row = 4, origin_column = 8 }
carrier = 4
field_at_full = 1.05

"""
ERRORS = """[instruments.errors]
kind = "mirror device"
driver = "simulated mirror device"
settings = { rows = 192, columns = 256 }

[mirrors.errors]
blocks = { rows = 2, columns = 5, height = 16, width = 16 }
carrier = 4
field_at_full = 0.35

"""


def mirror_bench_text(*, inputs: str | None = INPUTS, errors: str | None = ERRORS) -> str:
    """Return the digits bench with these sections of instruments; ``None``: its modulators."""
    text = built_in_text("digits")
    for name, section in (("inputs", inputs), ("errors", errors)):
        if section is not None:
            begin = text.index(f"[instruments.{name}]")
            end = text.index("[instruments.", begin + 1)
            text = text[:begin] + section + text[end:]
    return text


def mirror_bench(twin: str = "", **sections: str | None) -> BenchFile:
    """Return the file; ``twin`` is appended to its section of the true optics."""
    return parse_bench_file(f"{mirror_bench_text(**sections)}\n{twin}", "mirrors.toml")
