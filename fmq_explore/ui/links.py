"""Which app a link opens: whatever page is served, a link can ask for the other one."""

__all__ = ["open_app"]

from urllib.parse import parse_qs

import ipywidgets as w

from .query import query_string


def open_app(served: str, query: str | None = None) -> w.Widget:
    """Returns the app that a link asks for, else the one whose page is served.

    Args:
        served: `"explorer"` or `"hardware"`.
        query: A link's query string; by default the one of the page's own address, if it has one.
    """
    query = query_string() if query is None else query
    if parse_qs(query.lstrip("?")).get("app", [served])[-1] == "hardware":
        from .hardware_app import HardwareApp

        return HardwareApp(query).widget
    from .app import ExplorerApp

    return ExplorerApp(query).widget
