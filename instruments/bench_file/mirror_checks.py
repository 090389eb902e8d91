"""Whether the mirror devices of a bench file can show what the stages ask of them."""

from __future__ import annotations

from collections.abc import Iterator

from instruments.bench_file.placement import emitter_channels, placed_layers
from instruments.bench_file.problems import Problem, listed, nearest
from instruments.bench_file.roles import Role, roles
from instruments.bench_file.schema import BenchFile
from instruments.bench_file.size_checks import raster_problems


def mirror_problems(bench: BenchFile) -> Iterator[Problem]:
    """Mirror devices that emit have blocks for all their neurons, and a carrier for signs."""
    emitting = {
        role.instrument: role
        for role in roles(bench)
        if bench.instruments[role.instrument].kind == "mirror_device"
    }
    for name in bench.mirrors:
        if name not in emitting:
            yield Problem(
                f"mirrors.{name}",
                f"'{name}' is no mirror device that a stage has as inputs, emitter or injector; "
                f"those are: {listed(emitting)}{nearest(name, emitting)}",
            )
    for name, role in emitting.items():
        section = bench.mirrors.get(name)
        if section is None:
            yield Problem(
                f"mirrors.{name}",
                f"missing; '{name}' is a mirror device: say which blocks of mirrors show the "
                f"neurons of {role.key}, such as blocks = {{ rows = 8, columns = 8, height = 12, "
                "width = 12 }",
            )
            continue
        blocks, needed = section.blocks, emitter_channels(bench, name)
        if blocks.rows * blocks.columns < needed:
            yield Problem(
                f"mirrors.{name}.blocks",
                f"found {blocks.rows} x {blocks.columns} blocks; {role.key} has {needed} neurons",
            )
        if section.carrier is None and _needs_signs(bench, role):
            yield Problem(
                f"mirrors.{name}.carrier",
                f"missing; {role.key} shows numbers of both signs, and mirrors without a carrier "
                f"have none: give its period in mirrors, such as {_carrier_for(blocks.width)}",
            )
        yield from raster_problems(bench, name, blocks.geometry, f"mirrors.{name}.blocks")


def _needs_signs(bench: BenchFile, role: Role) -> bool:
    """Whether an emitter shows errors, sums or activations; inputs of data may have one sign."""
    if role.name != "inputs":
        return True
    return any(
        layer.number > 1 and bench.stages[layer.stage].inputs == role.instrument
        for layer in placed_layers(bench)
    )


def _carrier_for(width: int) -> int:
    """Return an even period of which a block of this width holds whole ones, the finest of use."""
    fitting = [period for period in range(4, width + 1, 2) if width % period == 0]
    return fitting[0] if fitting else 4
