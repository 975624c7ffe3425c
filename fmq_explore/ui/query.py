"""The query string of the page that this kernel serves."""

__all__ = ["query_string"]

import os


def query_string() -> str:
    """Returns the page's query string, empty where there is none (JupyterLab, a script).

    A preheated Voila kernel ran before the page was asked for and must be told by the page; only
    there is Voila's own helper worth its slow import.
    """
    if os.environ.get("VOILA_PREHEAT") == "True":
        from voila.utils import get_query_string

        return get_query_string() or ""
    return os.environ.get("QUERY_STRING", "")
