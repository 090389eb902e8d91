"""The bench as a drawing: the way of the light, every block with its state and reading."""

from __future__ import annotations

from itertools import pairwise

from gui.model.light_path import Block, LightPath, LinkKind, bench_path, ideal_path
from gui.panels.instrument_page import open_instrument_page
from gui.panels.panel import PanelContext, PanelState, PanelTable
from gui.panels.states import STATE_COLOUR, STATE_ICON
from gui.qt import QtCore, QtGui, QtWidgets
from gui.theme import icons
from gui.theme.appearance import Appearance
from gui.theme.contrast import mixed

_WIDTH, _HEIGHT, _GAP_X, _GAP_Y = 166.0, 66.0, 24.0, 26.0
_SMALLEST_SCALE = 0.55
_LINES: dict[LinkKind, str] = {
    "light": "light going forward",
    "tap": "tapped",
    "backward": "errors going back",
}


class BenchPanel:
    """Schematic of the light path with live readings; simulated blocks are hatched."""

    title = "Light path"
    keys = frozenset({"rows", "events", "state"})

    def __init__(self, context: PanelContext) -> None:
        self._context = context
        self.widget = SchematicView(context.appearance)
        self.widget.chosen.connect(self._open_page)

    def update(self, changes: set[str]) -> PanelState:
        """Draw the bench anew where something on it has changed."""
        model = self._context.model
        network = model.configuration.get("network", {})
        if network.get("kind") == "bench":
            lines = model.instruments()
            path = bench_path(network.get("bench", {}), lines)
            faults = [line.name for line in lines if line.state in ("warning", "fault")]
            simulated = sum(line.simulated for line in lines)
            words = f"{len(lines)} instruments, {simulated} simulated"
            description = words + (f"; trouble with {', '.join(faults)}" if faults else "")
        else:
            path = ideal_path(model.layers)
            words = description = "computed: the paper's algebra, no light and no instruments"
        if not path.blocks:
            return PanelState(empty="This record does not describe a bench.")
        self.widget.show_path(path)
        return PanelState(remark=words, description=description)

    def _open_page(self, name: str) -> None:
        open_instrument_page(self.widget, self._context.model, name)

    def table(self) -> PanelTable:
        """Return the instruments."""
        rows = [
            (line.name, line.kind, line.words, line.reading, line.driver, line.identity)
            for line in self._context.model.instruments()
        ]
        return PanelTable(("name", "kind", "state", "reading", "driver", "identity"), rows)


class SchematicView(QtWidgets.QGraphicsView):
    """Draws a light path, as large as fits; ``chosen`` tells the block that was clicked."""

    painted = QtCore.Signal()
    chosen = QtCore.Signal(str)

    def __init__(self, appearance: Appearance) -> None:
        super().__init__()
        # A view does not own its scene.
        self._scene = QtWidgets.QGraphicsScene(self)
        self.setScene(self._scene)
        self._appearance = appearance
        self._path: LightPath | None = None
        self._places: dict[str, QtCore.QRectF] = {}
        self._pressed = QtCore.QPoint()
        self.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        self.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.NoFocus)
        self.setDragMode(QtWidgets.QGraphicsView.DragMode.ScrollHandDrag)
        self.setSizePolicy(
            QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Ignored
        )

    def show_path(self, path: LightPath) -> None:
        """Draw a path, unless it is what is drawn already."""
        if path == self._path:
            return
        self._path = path
        self._draw(path)
        self.painted.emit()

    def restyle(self) -> None:
        """Take the colours of the theme."""
        if self._path is not None:
            self._draw(self._path)

    def mousePressEvent(self, event: QtGui.QMouseEvent) -> None:
        """Remember where; a drag is no choice."""
        self._pressed = event.pos()
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QtGui.QMouseEvent) -> None:
        """Choose the block under the mouse."""
        super().mouseReleaseEvent(event)
        moved = (event.pos() - self._pressed).manhattanLength()
        if moved >= QtWidgets.QApplication.startDragDistance():
            return
        place = self.mapToScene(event.pos())
        name = next((one for one, box in self._places.items() if box.contains(place)), None)
        if name is not None:
            self.chosen.emit(name)

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:
        """Keep everything in view."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        scene = self.scene().itemsBoundingRect().adjusted(-12, -12, 12, 12)
        self.setSceneRect(scene)
        if scene.width() > 0 and self.viewport().width() > 0:
            scale = min(
                self.viewport().width() / scene.width(), self.viewport().height() / scene.height()
            )
            self.setTransform(QtGui.QTransform())
            # Small enough to fit, but never too small to read: then one scrolls.
            scale = min(max(scale, _SMALLEST_SCALE), 1.4)
            self.scale(scale, scale)

    def _draw(self, path: LightPath) -> None:
        scene, theme = self.scene(), self._appearance.theme
        scene.clear()
        self.setBackgroundBrush(QtGui.QColor(theme.surface))
        self._places = places = {block.name: _place(block) for block in path.blocks}
        for start, end, kind in path.links:
            if start in places and end in places:
                self._draw_light(_way(places[start], places[end]), kind)
        for block in path.blocks:
            self._draw_block(block, places[block.name])
        self._draw_legend({kind for _, _, kind in path.links})
        self._fit()

    def _draw_light(self, corners: list[QtCore.QPointF], kind: LinkKind) -> None:
        theme = self._appearance.theme
        colour = {"light": theme.accent, "tap": theme.muted, "backward": theme.warning}[kind]
        dash = QtCore.Qt.PenStyle.DashLine if kind == "backward" else QtCore.Qt.PenStyle.SolidLine
        pen = QtGui.QPen(QtGui.QColor(colour), 3 if kind == "light" else 1.5, dash)
        for corner, following in pairwise(corners):
            line = QtCore.QLineF(corner, following)
            self.scene().addLine(line, pen).setZValue(-1)
        _arrow(self.scene(), line, colour)

    def _draw_legend(self, kinds: set[LinkKind]) -> None:
        """Say below the blocks what the lines are, those that are drawn."""
        bounds = self.scene().itemsBoundingRect()
        x, y = bounds.left(), bounds.bottom() + 0.8 * _GAP_Y
        for kind, words in _LINES.items():
            if kind not in kinds:
                continue
            self._draw_light([QtCore.QPointF(x, y), QtCore.QPointF(x + 40, y)], kind)
            text = self._text(words, self._appearance.theme.text, 0.95, width=2 * _WIDTH)
            text.setPos(x + 48, y - text.boundingRect().height() / 2)
            x += 48 + text.boundingRect().width() + 28

    def _draw_block(self, block: Block, place: QtCore.QRectF) -> None:
        scene, theme = self.scene(), self._appearance.theme
        colour = theme.state(STATE_COLOUR[block.state])
        frame = scene.addRect(
            place,
            QtGui.QPen(QtGui.QColor(colour), 1.5),
            QtGui.QBrush(QtGui.QColor(theme.window)),
        )
        words = block.state if block.state != "passive" else "passive"
        frame.setToolTip(f"{block.name}: {block.caption}, {words} {block.reading}".strip())
        if block.simulated:
            # In its upper edge, so that nothing is written on hatching.
            strip = QtCore.QRectF(place.left(), place.top(), place.width(), 7)
            hatch = QtGui.QBrush(
                QtGui.QColor(mixed(theme.window, theme.simulated, 0.7)),
                QtCore.Qt.BrushStyle.BDiagPattern,
            )
            scene.addRect(strip, QtGui.QPen(QtCore.Qt.PenStyle.NoPen), hatch)
        top = place.top() + 7
        state: str = "" if block.state == "passive" else block.state
        if block.simulated:
            state = "SIM" if block.state in ("simulated", "ok") else f"SIM, {block.state}"
        word = self._text(state, colour, 0.8, width=place.width())
        room = word.boundingRect().width() + (18 if state else 4)
        word.setPos(place.right() - word.boundingRect().width() - 4, top + 2)
        if state:
            sign = scene.addPixmap(icons.pixmap(STATE_ICON[block.state], colour, 11, 3.0))
            sign.setPos(place.right() - room + 1, top + 4)
        width = place.width() - room - 8
        scales = (one for one in (1.0, 0.9) if self._fits(block.name, one, width))
        name = self._text(block.name, theme.text, next(scales, 0.8), bold=True, width=width)
        name.setPos(place.left() + 5, top)
        rest = block.caption
        for number in range(1 if block.reading else 2):
            line, rest = self._first_line(rest, 0.85, place.width() - 10, last=number == 1)
            caption = self._text(line, theme.muted, 0.85, width=place.width() - 10)
            caption.setPos(place.left() + 5, top + 19 + 16 * number)
        reading = self._text(block.reading, theme.text, 0.95, width=place.width() - 10)
        reading.setPos(place.left() + 5, top + 36)

    def _first_line(self, text: str, scale: float, width: float, *, last: bool) -> tuple[str, str]:
        """Return as many words as fit into a line, and the others; all of them for the last."""
        metrics = QtGui.QFontMetricsF(self._font(scale))
        words = text.split(" ")
        count = len(words)
        while not last and count > 1 and metrics.horizontalAdvance(" ".join(words[:count])) > width:
            count -= 1
        return " ".join(words[:count]), " ".join(words[count:])

    def _fits(self, text: str, scale: float, width: float) -> bool:
        metrics = QtGui.QFontMetricsF(self._font(scale, bold=True))
        return bool(metrics.horizontalAdvance(text) <= width)

    def _font(self, scale: float, *, bold: bool = False) -> QtGui.QFont:
        font = self._appearance.font(bold=bold)
        # The drawing has a scale of its own: writing must not grow out of its block.
        font.setPixelSize(round(14 * scale))
        return font

    def _text(
        self, text: str, colour: str, scale: float, *, width: float, bold: bool = False
    ) -> QtWidgets.QGraphicsSimpleTextItem:
        font = self._font(scale, bold=bold)
        metrics = QtGui.QFontMetricsF(font)
        item = QtWidgets.QGraphicsSimpleTextItem(
            metrics.elidedText(text, QtCore.Qt.TextElideMode.ElideRight, width)
        )
        item.setFont(font)
        item.setBrush(QtGui.QColor(colour))
        self.scene().addItem(item)
        return item


def _place(block: Block) -> QtCore.QRectF:
    x, y = block.column * (_WIDTH + _GAP_X), block.row * (_HEIGHT + _GAP_Y)
    return QtCore.QRectF(x, y, _WIDTH, _HEIGHT)


def _way(start: QtCore.QRectF, end: QtCore.QRectF) -> list[QtCore.QPointF]:
    """Return the corners of a line from one block to another: straight, or with one turn."""
    a, b = start.center(), end.center()
    rightwards = b.x() > a.x()
    side = QtCore.QPointF(start.right() if rightwards else start.left(), a.y())
    top = QtCore.QPointF(b.x(), end.top() if b.y() > a.y() else end.bottom())
    if abs(a.y() - b.y()) < 1:
        return [side, QtCore.QPointF(end.left() if rightwards else end.right(), b.y())]
    if abs(a.x() - b.x()) < 1:
        return [QtCore.QPointF(a.x(), start.bottom() if b.y() > a.y() else start.top()), top]
    return [side, QtCore.QPointF(b.x(), a.y()), top]


def _arrow(scene: QtWidgets.QGraphicsScene, line: QtCore.QLineF, colour: str) -> None:
    """Put the head of an arrow at the end of a line."""
    if line.length() < 1:
        return
    back = line.unitVector()
    direction = QtCore.QPointF(back.dx(), back.dy())
    tip = line.p2()
    foot = tip - direction * 8
    aside = QtCore.QPointF(-direction.y(), direction.x()) * 4
    head = QtGui.QPolygonF([tip, foot + aside, foot - aside])
    scene.addPolygon(head, QtGui.QPen(QtCore.Qt.PenStyle.NoPen), QtGui.QColor(colour))
