"""The query string of the page that this kernel serves."""

__all__ = ["MODEL_VARIABLE", "query_string"]

import os
from urllib.parse import urlencode

MODEL_VARIABLE = "FMQ_MODEL"
"""The environment variable with the file that a page without a link of its own begins with."""


def query_string() -> str:
    """Returns the page's query string, empty where there is none (JupyterLab, a script).

    A preheated Voila kernel ran before the page was asked for and must be told by the page; only
    there is Voila's own helper worth its slow import.
    """
    if os.environ.get("VOILA_PREHEAT") == "True":
        from voila.utils import get_query_string

        query = get_query_string() or ""
    else:
        query = os.environ.get("QUERY_STRING", "")
    model = os.environ.get(MODEL_VARIABLE, "")
    return query or (urlencode({"model": model}) if model else "")
