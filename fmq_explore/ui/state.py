"""The explorer's state: what a person chose to compute, and how they chose to look at it."""

__all__ = ["Choice"]

from dataclasses import fields, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

import traitlets

from ..explore import ACTIVATION_METHODS, FRONTIER_MEASURES, MEASURES, Request
from .lessons import LESSONS

REQUEST_NAMES = tuple(f.name for f in fields(Request))
QUANTIZATION = (
    *("model", "scheme", "bits", "granularity", "group_size", "keep", "codebook_dtype"),
    *("budget", "objective"),
)
"""What a rescued network is one of: with any of these it is another."""

EXPLORER, HARDWARE = (urlencode({"app": name}) for name in ("explorer", "hardware"))
"""What a link says to open an app, whichever page is served."""

VIEW_NAMES = (
    *("page", "weights_as", "distance_of", "samples_as", "quality_of", "quality_by"),
    *("calibration", "frontier_of"),
    *("time", "lesson", "theme"),
)


class Choice(traitlets.HasTraits):
    """Every choice a person can make; the single source that controls write and the explorer reads.

    The first group decides what is computed and mirrors :class:`fmq_explore.explore.Request`; the
    second decides only what is looked at. Both travel in the link.
    """

    # What is computed
    model = traitlets.Unicode(Request.model)
    scheme = traitlets.Unicode(Request.scheme)
    bits = traitlets.Int(Request.bits, min=1, max=8, allow_none=True)
    granularity = traitlets.Unicode(Request.granularity)
    group_size = traitlets.Int(Request.group_size)
    keep = traitlets.Tuple(default_value=Request.keep)
    codebook_dtype = traitlets.Unicode(Request.codebook_dtype)
    layer = traitlets.Unicode(Request.layer)
    row = traitlets.Int(Request.row)
    solver = traitlets.Unicode(Request.solver)
    steps = traitlets.Int(Request.steps)
    label = traitlets.Int(Request.label, allow_none=True)
    guidance = traitlets.Float(Request.guidance)
    seed = traitlets.Int(Request.seed)
    compare = traitlets.Unicode(Request.compare)
    budget = traitlets.Int(Request.budget, min=0)
    objective = traitlets.Unicode(Request.objective)
    rescue = traitlets.Unicode(Request.rescue)

    # How it is looked at
    page = traitlets.Enum(("samples", "measures", "budget"), default_value="samples")
    weights_as = traitlets.Enum(("histogram", "transport"), default_value="histogram")
    distance_of = traitlets.Enum(("model", "layer", "layers", "sensitivity"), default_value="model")
    samples_as = traitlets.Enum(("samples", "difference"), default_value="samples")
    quality_of = traitlets.Enum(tuple(MEASURES), default_value="psnr")
    quality_by = traitlets.Enum(("label", "true"), default_value="label")
    calibration = traitlets.Enum(tuple(ACTIVATION_METHODS), default_value="min_max")
    frontier_of = traitlets.Enum(tuple(FRONTIER_MEASURES), default_value="psnr")
    lesson = traitlets.Enum(("", *LESSONS), default_value="")
    time = traitlets.Float(1.0, min=0.0, max=1.0)
    theme = traitlets.Enum(("auto", "light", "dark"), default_value="auto")

    @traitlets.observe(*QUANTIZATION)
    def _is_quantized_anew(self, _: Any) -> None:
        """Ends a rescue: what was rescued is another network now."""
        self.rescue = ""

    app = ""
    """What a link has to say to open this app, where the page served would open the other one."""

    def request(self) -> Request:
        """Freezes what is to be computed.

        Raises:
            ValueError: A value is out of range; the sentence names it and the remedy.
        """
        return Request(**{name: getattr(self, name) for name in REQUEST_NAMES})

    def query(self) -> str:
        """Writes all choices that differ from the defaults as a query string.

        With a lesson the model is always named: a link of a lesson alone opens it as it begins.
        """
        views = {
            name: getattr(self, name)
            for name in VIEW_NAMES
            if getattr(self, name) != self.traits()[name].default_value
        }
        if "time" in views:
            views["time"] = f"{views['time']:.3g}"
        request = self.request().query()
        if self.lesson and not request.startswith("model="):
            request = "&".join(filter(None, (urlencode({"model": self.model}), request)))
        return "&".join(part for part in (self.app, request, urlencode(views)) if part)

    def hardware_query(self) -> str:
        """Writes the query string that shows this network and its sampling in the hardware app."""
        request = replace(self.request(), rescue="", compare="").query()
        theme = "" if self.theme == "auto" else urlencode({"theme": self.theme})
        return "&".join(filter(None, (HARDWARE, request, theme)))

    def apply_query(self, query: str) -> list[str]:
        """Takes all choices from a query string; returns a sentence for each one not understood."""
        values = dict(parse_qsl(query.lstrip("?"), keep_blank_values=True))
        if values.keys() <= {"lesson", "theme"} and values.get("lesson") in LESSONS:
            values = dict(parse_qsl(LESSONS[values["lesson"]].query)) | values
        self.app = EXPLORER if values.pop("app", "") == "explorer" else self.app
        request, problems = Request.from_mapping(values)
        self.apply(request)
        for name in VIEW_NAMES:
            if name not in values:
                continue
            try:
                setattr(self, name, float(values[name]) if name == "time" else values[name])
            except (traitlets.TraitError, ValueError):
                problems.append(f"The link's {name} was not understood: {values[name]!r}.")
        return problems

    def apply(self, request: Request) -> None:
        """Takes what is to be computed from a request."""
        for name in REQUEST_NAMES:
            setattr(self, name, getattr(request, name))

    def begin_lesson(self, name: str) -> None:
        """Takes the view that a lesson begins with; the theme stays."""
        with self.hold_trait_notifications():
            self.reset()
            self.apply_query(LESSONS[name].query)
            self.lesson = name

    def reset(self) -> None:
        """Returns every choice but the theme to its default."""
        fresh = Choice()
        for name in (*REQUEST_NAMES, *VIEW_NAMES):
            if name != "theme":
                setattr(self, name, getattr(fresh, name))
