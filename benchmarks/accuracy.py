"""Accuracies of the ideal network on MNIST, setting by setting, beside those of the paper.

    python benchmarks/accuracy.py --data-dir FOLDER --seeds 3

Trains every setting of the table below for 50 epochs per seed as Appendix A of arXiv:1912.12256
says (batches of 64, Adam 5e-4, best validation weights scored on the other half of the test
images) and prints mean and standard deviation of the test accuracy.
"""

import argparse
import json
import statistics
from pathlib import Path

from instruments.network import NonlinearUnit
from protocols.experiment import DataChoice
from protocols.settings import TrainingSettings
from protocols.training import train
from sim_backends.ideal_network import IdealNetwork

ONE_LAYER, TWO_LAYERS = (784, 128, 10), (784, 128, 128, 10)


def absorber(optical_depth, derivative):
    return NonlinearUnit("absorber", optical_depth, derivative=derivative)


SETTINGS = {
    "alpha 10, probe": (ONE_LAYER, absorber(10, "probe"), {}, "97.3 +- 0.1"),
    "alpha 10, probe, std 0.02": (
        ONE_LAYER,
        absorber(10, "probe"),
        {"initial_std": 0.02},
        "97.3 +- 0.1",
    ),
    "alpha 10, exact": (ONE_LAYER, absorber(10, "exact"), {}, "97.3 +- 0.1"),
    "alpha 10, derivative 1": (ONE_LAYER, absorber(10, "one"), {}, "-"),
    "alpha 30, probe": (TWO_LAYERS, absorber(30, "probe"), {}, "98.0 +- 0.2"),
    "ReLU, cross-entropy": (
        TWO_LAYERS,
        NonlinearUnit("relu"),
        {"loss": "cross-entropy"},
        "98.0 +- 0.2",
    ),
    "linear": (TWO_LAYERS, NonlinearUnit("linear"), {}, "85.7 +- 0.4"),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", type=Path, help="folder of IDX files; default: download")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument(
        "--vary-split",
        action="store_true",
        help="also split validation and test anew for each seed, as the paper's authors did",
    )
    parser.add_argument("--only", help="settings whose name contains this")
    parser.add_argument("--json", type=Path, help="append every accuracy to this file")
    chosen = parser.parse_args()
    splits = {
        seed: DataChoice(
            name="mnist", data_folder=chosen.data_dir, split_seed=seed if chosen.vary_split else 0
        )
        for seed in range(chosen.seeds)
    }
    print(f"{'setting':28}{'paper':>14}{'here':>16}   every seed")
    for name, (sizes, unit, changes, paper) in SETTINGS.items():
        if chosen.only and chosen.only not in name:
            continue
        accuracies = []
        for seed in range(chosen.seeds):
            dataset = splits[seed].load()
            settings = TrainingSettings(epochs=chosen.epochs, seed=seed, **changes)
            result = train(IdealNetwork.dense(sizes, unit), dataset, settings, show_progress=False)
            accuracies.append(100 * result.test_accuracy)
            if chosen.json:
                with chosen.json.open("a") as file:
                    file.write(json.dumps({"setting": name, "seed": seed, **result.summary()}))
                    file.write("\n")
        spread = statistics.stdev(accuracies) if len(accuracies) > 1 else 0.0
        here = f"{statistics.mean(accuracies):.2f} +- {spread:.2f}"
        print(
            f"{name:28}{paper:>14}{here:>16}   " + " ".join(f"{a:.2f}" for a in accuracies),
            flush=True,
        )


if __name__ == "__main__":
    main()
