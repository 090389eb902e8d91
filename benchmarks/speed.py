"""How fast it is, measured side by side in one run.

    pip install -e ".[benchmark]"
    python benchmarks/speed.py

First table: images per second of Backbeam and of PyTorch on the CPU, training 784-128-128-10 with
absorbers of optical depth 10, batches of 64, Adam, the probe derivative; the reference is PyTorch
with one or two threads, whichever is quicker. Second table: costs that are stated by themselves.

Every contender runs in a process of its own and takes a short turn in every round while the
others wait: a shared machine is never equally quick twice. A ratio is taken within each round, and
the median over the rounds is printed.
"""

import argparse
import json
import operator
import statistics
import sys
from pathlib import Path

from turns import Contender

IDEAL, BENCH = "ideal network, record on", "simulated bench, record on"
LEAST_RATIO = {IDEAL: 2.0, BENCH: 0.7}

# Name, key of what the script prints, limit, whether more is better.
COSTS = [
    ("weights to a 1920 x 1152 frame (ms)", "frame_milliseconds", 1.0, False),
    ("pixel-faithful weight writes (1/s)", "faithful_writes_per_second", 60.0, True),
    ("orchestration, batch of 64 (ms)", "batch_milliseconds", 0.3, False),
]


def measure_all(rounds, seconds):
    """Return every value of every round, by contender and key."""
    scripts = {
        "PyTorch, 1 thread": ("torch_loop.py", 1, seconds),
        "PyTorch, 2 threads": ("torch_loop.py", 2, seconds),
        IDEAL: ("training_loop.py", "ideal", seconds),
        BENCH: ("training_loop.py", "bench", seconds),
        "panel": ("panel_loop.py", seconds),
        "orchestration": ("orchestration_loop.py", seconds / 2),
    }
    contenders = {}
    for name, (script, *arguments) in scripts.items():
        print(f"getting ready: {name} ...", file=sys.stderr)
        contenders[name] = Contender(script, *arguments)
    measured = {}
    for number in range(1, rounds + 1):
        print(f"round {number} of {rounds} ...", file=sys.stderr)
        for name, contender in contenders.items():
            for key, value in contender.turn().items():
                measured.setdefault(name, {}).setdefault(key, []).append(value)
    for contender in contenders.values():
        contender.end()
    return measured


def print_rates(measured):
    rates = {
        name: found["images_per_second"]
        for name, found in measured.items()
        if "images_per_second" in found
    }
    rates["matrix products of the ideal network"] = measured[IDEAL]["bound_images_per_second"]
    references = [
        max(round_rates)
        for round_rates in zip(
            *(values for name, values in rates.items() if name.startswith("PyTorch")), strict=True
        )
    ]
    print(f"{'':38}{'images/s':>10}{'lowest':>10}{'highest':>10}{'ratio':>8}{'at least':>10}")
    for name, values in rates.items():
        row = (statistics.median(values), min(values), max(values))
        ratio = statistics.median(map(operator.truediv, values, references))
        least = f"{LEAST_RATIO[name]:10.1f}" if name in LEAST_RATIO else ""
        print(f"{name:38}" + "".join(f"{value:10,.0f}" for value in row) + f"{ratio:8.2f}{least}")


def print_costs(measured):
    found = {key: values for keys in measured.values() for key, values in keys.items()}
    print(f"\n{'':38}{'median':>10}{'lowest':>10}{'highest':>10}{'limit':>18}")
    for name, key, limit, more_is_better in COSTS:
        values = found[key]
        row = (statistics.median(values), min(values), max(values))
        bound = f"{'at least' if more_is_better else 'at most'} {limit:g}"
        print(f"{name:38}" + "".join(f"{value:10.3g}" for value in row) + f"{bound:>18}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=1.5, help="of each turn, about")
    parser.add_argument("--json", type=Path, help="write every value of every round to this file")
    chosen = parser.parse_args()
    measured = measure_all(chosen.rounds, chosen.seconds)
    print_rates(measured)
    print_costs(measured)
    if chosen.json:
        chosen.json.write_text(json.dumps(measured, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
