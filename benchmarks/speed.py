"""Images per second, side by side in one run: Backbeam and PyTorch on the CPU.

    pip install -e ".[benchmark]"
    python benchmarks/speed.py

Every contender runs in a process of its own, one after the other, several rounds; the median of
each is compared, because a shared machine is never equally quick twice. The network is
784-128-128-10 with absorbers of optical depth 10, batches of 64, Adam, the probe derivative.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def measure(script, *arguments):
    command = [sys.executable, str(HERE / script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{script} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    chosen = parser.parse_args()
    contenders = {
        "PyTorch, 1 thread": ("torch_loop.py", 1, chosen.seconds),
        "PyTorch, 2 threads": ("torch_loop.py", 2, chosen.seconds),
        "ideal network, record on": ("training_loop.py", chosen.seconds),
    }
    rates = {name: [] for name in contenders}
    bounds = []
    for number in range(1, chosen.rounds + 1):
        for name, (script, *arguments) in contenders.items():
            print(f"round {number} of {chosen.rounds}: {name} ...", file=sys.stderr)
            measured = measure(script, *arguments)
            rates[name].append(measured["images_per_second"])
            if "bound_images_per_second" in measured:
                bounds.append(measured["bound_images_per_second"])
    medians = {name: statistics.median(values) for name, values in rates.items()}
    reference = max(rate for name, rate in medians.items() if name.startswith("PyTorch"))
    print(f"{'':28}{'images/s':>10}{'lowest':>10}{'highest':>10}{'ratio':>8}")
    for name, median in medians.items():
        low, high = min(rates[name]), max(rates[name])
        print(f"{name:28}{median:10,.0f}{low:10,.0f}{high:10,.0f}{median / reference:8.2f}")
    bound = statistics.median(bounds)
    share = medians["ideal network, record on"] / bound
    print(f"{'its matrix products alone':28}{bound:10,.0f}{'':20}{bound / reference:8.2f}")
    print(f"the ideal network reaches {share:.0%} of the bound set by its own matrix products")


if __name__ == "__main__":
    main()
