"""Read by Voila in the repository root, so that `voila apps/explorer.ipynb` needs no flags."""

from fmq_explore.ui.voila_config import configure

configure(get_config())  # type: ignore[name-defined]  # noqa: F821
