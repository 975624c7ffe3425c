"""A widget that shows one Bokeh figure and takes raw binary columns."""

__all__ = ["FigureView"]

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets
from bokeh.embed import json_item
from bokeh.models import UIElement
from bokeh.themes import Theme

STATIC = Path(__file__).parent / "static"


class FigureView(anywidget.AnyWidget):
    """Shows a Bokeh figure; an update is one message of named sources and properties.

    The last value of every column and property is kept here, so that a view that is drawn later
    (a page that loads, a second view, another theme) shows the same as the first.

    Args:
        label: What the figure shows, for screen readers.
        on_select: Called with a source's name and the indices a person clicked.
    """

    _esm = STATIC / "figure.js"
    document = traitlets.Dict().tag(sync=True)
    selectable = traitlets.List(traitlets.Unicode()).tag(sync=True)
    label = traitlets.Unicode().tag(sync=True)

    def __init__(
        self, label: str, on_select: Callable[[str, list[int]], None] | None = None
    ) -> None:
        self._columns: dict[str, dict[str, Any]] = {}
        self._properties: dict[str, dict[str, Any]] = {}
        self._version = 0
        self._on_select = on_select
        super().__init__(label=label)
        self.add_class("fmq-figure-view")
        self.on_msg(self._receive)

    def __repr__(self) -> str:
        return f"FigureView({self.label!r})"

    def show(self, figure: UIElement, theme: Theme, selectable: tuple[str, ...] = ()) -> None:
        """Replaces the figure; what the last one showed is sent again once it reports ready."""
        self.selectable = list(selectable)
        self.document = dict(json_item(figure, theme=theme))  # type: ignore[arg-type]

    def update(
        self,
        sources: Mapping[str, Mapping[str, Any]] | None = None,
        properties: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Sends columns and properties, but for those that are on show already.

        Args:
            sources: New data by source name and column name: 1-D arrays, or lists of text.
            properties: New property values by model name.
        """
        new = {
            name: dict(columns)
            for name, columns in (sources or {}).items()
            if not _same(columns, self._columns.get(name))
        }
        changed = {
            name: dict(values)
            for name, values in (properties or {}).items()
            if not values.items() <= self._properties.get(name, {}).items()
        }
        self._columns |= new
        for name, values in changed.items():
            self._properties.setdefault(name, {}).update(values)
        self._push(new, changed)

    def _receive(self, _: Any, content: dict, __: Any) -> None:
        if content.get("event") == "ready":
            self._push(self._columns, self._properties)
        elif content.get("event") == "select" and self._on_select:
            self._on_select(str(content["source"]), [int(i) for i in content["indices"]])

    def _push(self, sources: Mapping, properties: Mapping) -> None:
        self._version += 1
        buffers: list[memoryview] = []
        packed = {
            name: {key: _pack(values, buffers) for key, values in columns.items()}
            for name, columns in sources.items()
        }
        message = {"version": self._version, "sources": packed, "props": dict(properties)}
        self.send(message, buffers)


def _same(columns: Mapping[str, Any], shown: Mapping[str, Any] | None) -> bool:
    """Tells whether all columns of a source are those on show."""
    if shown is None or columns.keys() != shown.keys():
        return False
    return all(
        np.array_equal(values, shown[key], equal_nan=True)
        if isinstance(values, np.ndarray) and isinstance(shown[key], np.ndarray)
        else type(values) is type(shown[key]) is list and values == shown[key]
        for key, values in columns.items()
    )


def _pack(values: Any, buffers: list[memoryview]) -> dict[str, Any]:
    """Describes a column and appends its bytes; text travels as JSON."""
    if not isinstance(values, np.ndarray):
        return {"values": list(values)}
    array = values.astype(np.float32) if values.dtype == np.float64 else values
    array = np.ascontiguousarray(array)
    buffers.append(array.data.cast("B") if array.size else memoryview(b""))
    return {"buffer": len(buffers) - 1, "dtype": str(array.dtype)}
