"""Plots of what was measured, its fit and the residuals, as SVG files beside the tables.

Written by hand rather than with a plotting library: points, a line and axes are all there is to
draw, any browser shows them, they can be compared from day to day, and a bench's computer needs
nothing more installed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import numpy.typing as npt

from instruments.errors import CalibrationError
from protocols.calibration.results import Curve, ProtocolResult

Floats = npt.NDArray[np.float64]

_WIDTH, _HEIGHT, _RESIDUALS = 460, 240, 90
_LEFT, _RIGHT, _TOP, _BOTTOM = 72, 16, 28, 40
_MOST_POINTS = 1200
_INK, _POINT, _LINE = "#222222", "#1f6fb2", "#c8501e"


def save_plot(folder: Path, result: ProtocolResult) -> Path:
    """Write the plot of a result and return its file.

    Raises
    ------
    CalibrationError
        If it cannot be written.
    """
    stem = f"{result.protocol}-{result.target}".replace(" ", "-").replace(",", "")
    path = folder / f"{stem}.svg"
    write_drawing(path, result.curves)
    return path


def write_drawing(path: Path, curves: Sequence[Curve]) -> None:
    """Write curves to an SVG file.

    Raises
    ------
    CalibrationError
        If it cannot be written.
    """
    try:
        path.write_text(drawing(curves), encoding="utf-8", newline="\n")
    except OSError as error:
        raise CalibrationError(
            f"{path}: the plot cannot be written ({error.strerror or error})"
        ) from error


def drawing(curves: Sequence[Curve]) -> str:
    """Return an SVG document with a panel for every curve, one below the other."""
    parts, top = [], 0
    for curve in curves:
        panel, height = _panel(curve, top)
        parts.append(panel)
        top += height
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{top}" '
        f'font-family="sans-serif" font-size="11" fill="{_INK}">'
    )
    return "\n".join([head, '<rect width="100%" height="100%" fill="white"/>', *parts, "</svg>\n"])


def _panel(curve: Curve, top: int) -> tuple[str, int]:
    """Return one curve with its residuals below, and how high that is."""
    x, y = np.asarray(curve.x, np.float64), np.asarray(curve.measured, np.float64)
    finite = np.isfinite(x) & np.isfinite(y)
    thin = slice(None, None, max(1, -(-int(finite.sum()) // _MOST_POINTS)))
    x, y = x[finite][thin], y[finite][thin]
    fitted = None
    if curve.fitted is not None:
        fitted = np.asarray(curve.fitted, np.float64)[finite][thin]
    if not x.size:
        return "", 0
    height = _HEIGHT + (_RESIDUALS if fitted is not None else 0)
    seen = y if fitted is None else np.concatenate([y, fitted])
    lines = [f'<g transform="translate(0 {top})">']
    lines.append(f'<text x="{_LEFT}" y="16" font-weight="bold">{escape(curve.title)}</text>')
    lines += _frame(x, seen, _TOP, _HEIGHT - _BOTTOM, curve.y_label)
    across = _Scale(x, _LEFT, _WIDTH - _RIGHT)
    up = _Scale(seen, _HEIGHT - _BOTTOM, _TOP)
    lines += _points(across(x), up(y))
    bottom = _HEIGHT - _BOTTOM
    if fitted is not None:
        order = np.argsort(x)
        path = " ".join(
            f"{a:.1f},{b:.1f}" for a, b in zip(across(x[order]), up(fitted[order]), strict=True)
        )
        lines.append(f'<polyline points="{path}" fill="none" stroke="{_LINE}"/>')
        left = y - fitted
        first, bottom = _HEIGHT - 14, height - _BOTTOM
        lines += _frame(x, left, first, bottom, "residual")
        lines += _points(across(x), _Scale(left, bottom, first)(left))
    lines.append(_text(0.5 * (_LEFT + _WIDTH - _RIGHT), bottom + 30, curve.x_label, "middle"))
    lines.append("</g>")
    return "\n".join(lines), height


class _Scale:
    """A linear scale from values to places on the page."""

    def __init__(self, values: Floats, first: float, last: float) -> None:
        low, high = float(values.min()), float(values.max())
        margin = 0.05 * (high - low) or 0.5 * abs(high) or 1.0
        self.low, self.high = low - margin, high + margin
        self._first, self._last = first, last

    def __call__(self, values: Floats) -> Floats:
        share = (values - self.low) / (self.high - self.low)
        places: Floats = self._first + share * (self._last - self._first)
        return places


def _frame(x: Floats, y: Floats, top: int, bottom: int, label: str) -> list[str]:
    across, up = _Scale(x, _LEFT, _WIDTH - _RIGHT), _Scale(y, bottom, top)
    lines = [
        f'<rect x="{_LEFT}" y="{top}" width="{_WIDTH - _RIGHT - _LEFT}" height="{bottom - top}" '
        f'fill="none" stroke="{_INK}"/>'
    ]
    for value in _ticks(across.low, across.high, 6):
        place = float(across(np.array([value]))[0])
        lines.append(
            f'<line x1="{place:.1f}" y1="{bottom}" x2="{place:.1f}" y2="{bottom + 4}" '
            f'stroke="{_INK}"/>'
        )
        lines.append(_text(place, bottom + 15, f"{value:g}", "middle"))
    for value in _ticks(up.low, up.high, 5 if bottom - top > 100 else 3):
        place = float(up(np.array([value]))[0])
        lines.append(
            f'<line x1="{_LEFT - 4}" y1="{place:.1f}" x2="{_LEFT}" y2="{place:.1f}" '
            f'stroke="{_INK}"/>'
        )
        lines.append(_text(_LEFT - 7, place + 4, f"{value:.3g}", "end"))
    middle = 0.5 * (top + bottom)
    lines.append(
        f'<text transform="translate(14 {middle:.0f}) rotate(-90)" text-anchor="middle" '
        f'font-size="10">{escape(label)}</text>'
    )
    return lines


def _ticks(low: float, high: float, most: int) -> list[float]:
    """Return round numbers from low to high, ``most`` of them or fewer."""
    raw = (high - low) / most
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * factor for factor in (1.0, 2.0, 5.0, 10.0) if size * factor >= raw)
    first = math.ceil(low / step)
    return [
        round(place * step, 12) for place in range(first, first + most + 1) if place * step <= high
    ]


def _points(across: Floats, up: Floats) -> list[str]:
    return [
        f'<circle cx="{a:.1f}" cy="{b:.1f}" r="1.6" fill="{_POINT}"/>'
        for a, b in zip(across, up, strict=True)
    ]


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
