"""Checks an installed wheel: it brings its own models and app, and takes nothing from the clone."""

import os
from pathlib import Path

import fmq_explore as fmq
from fmq_explore import zoo

repository = Path(os.environ["REPOSITORY"]).resolve()
package = Path(fmq.__file__).resolve().parent
assert repository not in package.parents, f"{package} is the clone, not the wheel"

shipped = {path.stem for path in (repository / "assets" / "models").glob("*.json")}
found = set(fmq.available_models())
assert shipped, f"{repository} has no models to ship"
assert found == shipped, f"the wheel has {sorted(found)}, the clone has {sorted(shipped)}"
assert package in zoo.assets_folder().resolve().parents, "the models are not those of the wheel"
for name in sorted(found):
    flow = fmq.sample(fmq.load_model(name), n=2, steps=1)
    assert flow.samples.isfinite().all(), f"{name} gives samples that are not finite"
    print(f"{name}: {tuple(flow.samples.shape)} from {fmq.load_model(name).card.title!r}")

notebooks = {path.name for path in (repository / "apps").glob("*.ipynb")}
assert notebooks == {path.name for path in package.rglob("_apps/*.ipynb")}, "an app is missing"
assert list(package.rglob("index.html.j2")), "the Voila template is missing"
