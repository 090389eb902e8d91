"""All the tables of a simulated bench as its hidden truth would have them.

For tests and reports: what perfect calibration could give. The truth of a twin follows from its
bench file, seed included, so a twin of its own is asked.
"""

from __future__ import annotations

from instruments.bench_file.schema import BenchFile
from instruments.calibration.bench_tables import BenchTables
from instruments.calibration.nominal import mirror_encoder_table
from sim_backends.simulated.twin_of_bench import twin_of_bench
from sim_backends.twin.true_tables import (
    true_amplifier,
    true_encoder,
    true_mirror_encoder,
    true_taps,
    true_weight_bank,
)

_HIGHEST_CURRENT_AMPERES = 0.4


def true_bench_tables(bench: BenchFile) -> BenchTables:
    """Return the true tables of the twin a bench file describes, before anything drifts.

    Raises
    ------
    BenchFileError
        As of ``twin_of_bench``.
    """
    twin = twin_of_bench(bench)
    tables = BenchTables()
    stages = {stage.layout.panel: index for index, stage in enumerate(twin.stages)}
    for name, stage in bench.stages.items():
        index = stages[stage.weights]
        tables.weight_banks[name] = true_weight_bank(twin, index, bench.name)
        for modulators in (stage.inputs, stage.emitter, stage.injector):
            if modulators is not None:
                mirrors = bench.mirrors.get(modulators)
                if mirrors is None:
                    tables.encoders[modulators] = true_encoder(twin, modulators, bench.name)
                    continue
                designed = mirror_encoder_table(bench, modulators, mirrors)
                tables.encoders[modulators] = true_mirror_encoder(twin, modulators, designed)
        if stage.amplifier is not None:
            tables.amplifiers[stage.amplifier] = true_amplifier(
                twin, stage.amplifier, bench.name, _HIGHEST_CURRENT_AMPERES
            )
        for bank in stage.taps.present().values():
            tables.taps[bank] = true_taps(twin, bank, bench.name)
    return tables
