"""What goes to the browser: raw bytes that are the columns, and all again for a late view."""

import numpy as np
import pytest
from bokeh.plotting import figure

from fmq_explore.ui.figure import FigureView
from fmq_explore.ui.sheet import SheetView
from fmq_explore.ui.theme import bokeh_theme


class Wire:
    """Stands where the comm is, and reads messages as the browser does."""

    def __init__(self, widget, monkeypatch: pytest.MonkeyPatch) -> None:
        self.messages: list[tuple[dict, list]] = []
        monkeypatch.setattr(widget, "send", lambda m, b=None: self.messages.append((m, b or [])))

    def column(self, source: str, name: str, index: int = -1) -> np.ndarray | list:
        message, buffers = self.messages[index]
        header = message["sources"][source][name]
        if "values" in header:
            return header["values"]
        return np.frombuffer(buffers[header["buffer"]], dtype=header["dtype"])


def test_columns_arrive_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    view = FigureView("test")
    wire = Wire(view, monkeypatch)
    x, y = np.linspace(0, 1, 7), np.arange(7, dtype=np.uint8)
    view.update({"dots": {"x": x, "y": y, "name": list("abcdefg"), "none": np.empty(0)}})
    assert np.array_equal(wire.column("dots", "x"), x.astype(np.float32))
    assert np.array_equal(wire.column("dots", "y"), y)
    assert wire.column("dots", "name") == list("abcdefg")
    assert wire.column("dots", "none").size == 0


def test_a_late_view_is_told_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    view = FigureView("test")
    wire = Wire(view, monkeypatch)
    view.update({"a": {"x": np.ones(2)}}, {"range": {"start": 1}})
    view.update({"b": {"x": np.zeros(3)}}, {"range": {"end": 2}})
    view._receive(None, {"event": "ready"}, [])
    message, _ = wire.messages[-1]
    assert set(message["sources"]) == {"a", "b"}
    assert message["props"] == {"range": {"start": 1, "end": 2}}
    assert message["version"] == 3


def test_clicks_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    clicks: list = []
    view = FigureView("test", lambda source, indices: clicks.append((source, indices)))
    view._receive(None, {"event": "select", "source": "bars", "indices": [3]}, [])
    assert clicks == [("bars", [3])]


def test_a_figure_names_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    view = FigureView("test")
    view.show(figure(width=10, height=10), bokeh_theme("dark"))
    assert "http" not in str(view.document)
    assert repr(view) == "FigureView('test')"


def test_sheets_send_pixels_and_how_many_are_to_come(monkeypatch: pytest.MonkeyPatch) -> None:
    view = SheetView("test")
    wire = Wire(view, monkeypatch)
    images = np.arange(2 * 4 * 3 * 1, dtype=np.uint8).reshape(2, 4, 3, 1)
    view.update(images, total=8)
    message, buffers = wire.messages[-1]
    assert message["shape"] == [2, 4, 3, 1]
    assert message["total"] == 8
    assert bytes(buffers[0]) == images.tobytes()
    view._receive(None, {"event": "ready"}, [])
    assert wire.messages[-1][0]["total"] == 8
