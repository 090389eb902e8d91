"""Which cards lie on which tab."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from typing import Any

from gui.model.run_model import RunModel
from gui.panels import compare, gradient, learning, optics, taps
from gui.panels.absorber import AbsorberPanel
from gui.panels.bench_schematic import BenchPanel
from gui.panels.panel import PanelFactory
from gui.panels.run_curves import ShownColumn

TABS = ("Overview", "Layers", "Optics", "Gradient", "Bench", "Compare")

PLUG_INS = "backbeam.panels"
"""Entry points of other packages: ``NAME = "module:factory"``; they have a tab of their own."""

_CAPTURED = (
    "No camera picture of a mask is recorded in this run, so what was captured cannot be shown "
    "beside what was commanded."
)
_SLIT = (
    "Not recorded in this run: there is no column slit_efficiency_LAYER. A calibration measures "
    "how much light the slit lets through."
)
_RECIPROCITY = (
    "Not recorded in this run: there is no column reciprocity_LAYER. On a bench, backbeam train "
    "--drift-every measures how far the weights that light meets going back are from those it "
    "meets going forward."
)
_NOISE = (
    "Not measured in this run: its record has no column gradient_noise_LAYER. On a bench, "
    "backbeam train measures it every --check-every steps."
)
_HELD = (
    "Only a bench has limits to its weights; this network was computed, or its record holds no "
    "column clipped_share_LAYER."
)
_GAIN = (
    "Only a bench has amplifiers; this network was computed, or its record holds no column "
    "gain_decibels_LAYER."
)


@dataclass(frozen=True)
class Place:
    """A card on a tab.

    Parameters
    ----------
    name
        For files and tests.
    factory
        Makes the panel.
    row, column, columns
        Where in the grid of the tab, and how many columns wide.
    """

    name: str
    factory: PanelFactory
    row: int
    column: int
    columns: int = 1


def deck(model: RunModel) -> dict[str, list[Place]]:
    """Return the cards of every tab for a run."""
    layers = max(len(model.layers), 1)
    return {
        "Overview": _overview(),
        "Layers": _layers(model, layers),
        "Optics": _optics(layers),
        "Gradient": [
            Place("cosine", gradient.FidelityPanel, 0, 0),
            Place("norm-ratio", gradient.NormRatioPanel, 0, 1),
            Place("gradient-scatter", gradient.GradientScatterPanel, 1, 0),
            Place(
                "noise-floor",
                _columns(
                    "Noise floor from repeated shots",
                    "relative scatter",
                    ("gradient_noise_",),
                    _NOISE,
                    now_and_then=True,
                    log_y=True,
                ),
                1,
                1,
            ),
        ],
        "Bench": [Place("bench", BenchPanel, 0, 0)],
        "Compare": _compare(),
        **_plugged_in(),
    }


def _overview() -> list[Place]:
    return [
        Place("loss", learning.LossPanel, 0, 0),
        Place("accuracy", learning.AccuracyPanel, 0, 1),
        Place("fidelity", gradient.FidelityPanel, 0, 2),
        Place("absorber", AbsorberPanel, 1, 0),
        Place(
            "activations",
            partial(taps.TapImagePanel, field="activation_1", title="Activations · layer 1"),
            1,
            1,
        ),
        Place("mask", partial(taps.WeightsPanel, layer=1), 1, 2),
    ]


def _layers(model: RunModel, layers: int) -> list[Place]:
    places = []
    for number in range(1, layers + 1):
        last = number == layers
        seen = "output" if last else f"activation_{number}"
        name = f"Layer {number} · {'output' if last else 'activations a'}"
        entering = "output" if last else f"unit_input_{number}"
        places += [
            Place(f"seen-{number}", partial(taps.TapImagePanel, field=seen, title=name), number, 0),
            Place(
                f"error-{number}",
                partial(
                    taps.TapImagePanel, field=f"error_{number}", title=f"Layer {number} · errors δ"
                ),
                number,
                1,
            ),
            Place(
                f"distribution-{number}",
                partial(taps.DistributionPanel, layer=number, field=entering),
                number,
                2,
            ),
        ]
    return places


def _optics(layers: int) -> list[Place]:
    shown = min(layers, 3)
    masks = [
        Place(f"mask-{number}", partial(taps.WeightsPanel, layer=number), 0, number - 1)
        for number in range(1, shown + 1)
    ]
    words = partial(optics.WordsPanel, title="Mask captured, difference", words=_CAPTURED)
    return [
        *masks,
        *([Place("captured", words, 0, shown)] if shown < 3 else []),
        Place("sums", optics.SumsPanel, 1, 0),
        Place("gain", _columns("Amplifier gain", "gain (dB)", ("gain_decibels_",), _GAIN), 1, 1),
        Place(
            "clipped",
            _columns(
                "Weights clipped, taps saturated",
                "share",
                ("clipped_share_", "saturated_share"),
                _HELD,
                smallest=0.0,
            ),
            1,
            2,
        ),
        Place(
            "slit",
            _columns("Slit", "efficiency", ("slit_efficiency_",), _SLIT, now_and_then=True),
            2,
            0,
        ),
        Place(
            "reciprocity",
            _columns(
                "Reciprocity",
                "relative difference",
                ("reciprocity_",),
                _RECIPROCITY,
                now_and_then=True,
                smallest=0.0,
            ),
            2,
            1,
            2,
        ),
    ]


def _columns(
    title: str, y_label: str, prefixes: tuple[str, ...], empty: str, **options: Any
) -> PanelFactory:
    return partial(
        optics.ColumnsPanel,
        title=title,
        y_label=y_label,
        prefixes=prefixes,
        empty=empty,
        **options,
    )


def _compare() -> list[Place]:
    return [
        Place(
            "compare-loss",
            partial(
                compare.ComparisonPanel,
                title="Training loss",
                y_label="loss",
                column=ShownColumn("steps", "loss", "loss", 0, smoothed=True),
                log_y=True,
            ),
            0,
            0,
        ),
        Place(
            "compare-accuracy",
            partial(
                compare.ComparisonPanel,
                title="Validation accuracy",
                y_label="accuracy (share of images)",
                column=ShownColumn("epochs", "validation_accuracy", "validation", 0),
                log_y=False,
            ),
            0,
            1,
        ),
        Place("differences", compare.DifferencesPanel, 1, 0, 2),
    ]


def _plugged_in() -> Mapping[str, list[Place]]:
    found = metadata.entry_points(group=PLUG_INS)
    if not found:
        return {}
    places = [
        Place(point.name, _loaded(point), number // 3, number % 3)
        for number, point in enumerate(sorted(found, key=lambda point: point.name))
    ]
    return {"More": places}


def _loaded(point: metadata.EntryPoint) -> PanelFactory:
    """Return a factory that loads its package only when the card is made, and may fail there."""
    return lambda context: point.load()(context)
