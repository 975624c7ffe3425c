"""The control column: every choice with its tooltip, tied both ways to the state."""

__all__ = ["Controls", "section"]

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

import ipywidgets as w
from ipywidgets.widgets.widget_description import DescriptionWidget

from ..explore import UNCONDITIONAL
from .catalog import Catalog
from .rescue import RescueLine
from .state import Choice

FULL = 9  # the slider's place for full precision
EVERY_CLASS = -2
KEEP_TAGS = {
    "bias": ("biases", "Keeps all biases in full precision."),
    "norm": ("norms", "Keeps scales and shifts of the normalisation layers in full precision."),
    "first": ("first layer", "Keeps the first layer in full precision."),
    "last": ("last layer", "Keeps the last layer in full precision."),
    "time": ("time embedding", "Keeps the time embedding in full precision."),
}


class Controls:
    """Builds the controls and ties each to a trait of the state.

    Attributes:
        tooltips: The tooltip of each control by its CSS class: what a pointer meets is not only
            the label, and for lists ipywidgets shows none at all.
    """

    def __init__(self, choice: Choice) -> None:
        self._choice = choice
        self._catalog: Catalog | None = None
        self._is_filling = False
        self.rescue = RescueLine(choice)
        self._make_quantization()
        self._make_sampling()
        self.widget = w.VBox(self._children()).add_class("fmq-controls")
        self.tooltips = {
            f"fmq-tip-{name}": str(control.tooltip)
            for name, control in vars(self).items()
            if isinstance(control, DescriptionWidget)
        }
        for name in self.tooltips:
            getattr(self, name.removeprefix("fmq-tip-")).add_class(name)
        self._bind_all()
        choice.observe(lambda _: self._follow_model(), "model")
        choice.observe(lambda _: self._follow_granularity(), "granularity")
        self._follow_granularity()

    def _model_part(self) -> list[w.Widget]:
        line = w.HBox([section("Model"), self.open_file]).add_class("fmq-model-line")
        return [line, self.model, self.model_note]

    def _children(self) -> list[w.Widget]:
        """Returns the column from top to bottom."""
        return [
            *self._model_part(),
            section("Quantization"),
            self.scheme,
            self.bits,
            self.budget_line,
            self.rescue.widget,
            self.compare,
            self.granularity,
            self.group_size,
            self.codebook_dtype,
            self.keep_line,
            self.layer,
            section("Sampling"),
            self.solver,
            self.steps,
            self.label,
            self.guidance,
            w.HBox([self.seed, self.new_noise]).add_class("fmq-seed-line"),
        ]

    def fill(self, catalog: Catalog) -> list[str]:
        """Takes the lists to choose from.

        Returns:
            A sentence for each choice that is not on its list and goes back to its default.
        """
        self._catalog = catalog
        models = [(entry.title, name) for name, entry in catalog.models.items()]
        schemes = [(title, name) for name, title in catalog.schemes.items()]
        solvers = [(title, name) for name, title in catalog.solvers.items()]
        problems = [
            self._offer(self.model, "model", models),
            self._offer(self.scheme, "scheme", schemes),
            self._offer(self.compare, "compare", [("none", ""), *schemes]),
            self._offer(self.solver, "solver", solvers),
        ]
        self._follow_model()
        return [problem for problem in problems if problem]

    def set_layers(self, layers: tuple[str, ...], shown: str) -> None:
        """Takes the names of the quantized tensors, and the one on show."""
        with self._filling():
            if self.layer.options != layers:
                self.layer.options = layers
            self.layer.value = shown

    def _make_quantization(self) -> None:
        self.model = _dropdown("model", "Chooses the trained flow-matching model.")
        tip = "Opens a file of weights: a checkpoint of your own."
        self.open_file = w.Button(description="open a file…", tooltip=tip).add_class("fmq-quiet")
        self.model_note = w.HTML().add_class("fmq-model-note")
        self.model_note.layout.display = "none"
        self.scheme = _dropdown("scheme", "Chooses the rule that places the quantization levels.")
        self.compare = _dropdown(
            "compare", "Chooses a second scheme that is shown beside the first at the same bits."
        )
        self.bits = w.SelectionSlider(
            options=[*((str(b), b) for b in range(1, 9)), ("full", FULL)],
            description="bits",
            tooltip="Sets the bits of a code; so do the keys 1 to 8, and 0 for full precision.",
        ).add_class("fmq-bits")
        self.budget = w.HTML().add_class("fmq-budget-note")
        self.equal_bits = w.Button(
            description="equal bits", tooltip="Gives all tensors the slider's bits again."
        ).add_class("fmq-quiet")
        self.equal_bits.on_click(lambda _: setattr(self._choice, "budget", 0))
        label = w.HTML("<span>budget</span>").add_class("fmq-budget-label")
        self.budget_line = w.HBox([label, self.budget, self.equal_bits]).add_class(
            "fmq-budget-shared"
        )
        self.granularity = w.ToggleButtons(
            options=[
                *((name, name) for name in ("tensor", "channel", "group")),
                ("tensor + row scales", "shared"),
            ],
            description="share",
            tooltips=[
                "One codebook for each tensor.",
                "One codebook for each output channel.",
                "One codebook for each group of consecutive weights in a channel.",
                "One codebook for each tensor, and one scale for each output channel.",
            ],
            tooltip="Chooses which weights share one codebook.",
        ).add_class("fmq-granularity")
        self.group_size = w.BoundedIntText(
            min=2,
            max=65_536,
            description="group size",
            tooltip="Sets how many consecutive weights of a channel share a codebook.",
        )
        self.codebook_dtype = _dropdown(
            "entries", "Chooses the number format in which codebook entries are stored."
        )
        self.codebook_dtype.options = ["float16", "float32"]
        self.keep = {
            tag: w.ToggleButton(description=name, tooltip=tip).add_class("fmq-chip")
            for tag, (name, tip) in KEEP_TAGS.items()
        }
        self.keep_box = w.Box(list(self.keep.values())).add_class("fmq-chips")
        self.keep_line = w.HBox([w.Label("kept exact"), self.keep_box]).add_class("fmq-keep-line")
        self.layer = _dropdown("tensor", "Chooses the weight tensor that is shown.")

    def _make_sampling(self) -> None:
        self.solver = _dropdown("solver", "Chooses how the flow is integrated from noise to data.")
        self.steps = w.IntSlider(
            min=1, max=40, description="steps", tooltip="Sets the number of solver steps."
        )
        self.label = _dropdown("class", "Chooses the class that is asked for.")
        self.guidance = w.FloatSlider(
            min=0.0,
            max=4.0,
            step=0.25,
            readout_format=".2f",
            description="guidance",
            tooltip="Sets how strongly the class steers: 1 is the plain conditional model.",
        )
        self.seed = w.BoundedIntText(
            min=0, max=2**31 - 1, description="seed", tooltip="Sets the seed of the noise."
        )
        self.new_noise = w.Button(description="next", tooltip="Draws other noise: the next seed.")
        self.new_noise.add_class("fmq-quiet")
        self.new_noise.on_click(lambda _: setattr(self._choice, "seed", self._choice.seed + 1))

    def _bind_all(self) -> None:
        # What a person sets by hand ends a budget; what follows the state leaves it alone
        self.bits.observe(lambda change: self._end_budget("bits", change.new), "value")
        self.model.observe(lambda change: self._end_budget("model", change.new), "value")
        self._choice.observe(lambda _: self._follow_budget(), "budget")
        self._follow_budget()
        for name in ("model", "scheme", "compare", "layer", "solver"):
            self._bind(name, getattr(self, name))
        for name in ("granularity", "group_size", "codebook_dtype", "guidance", "seed"):
            self._bind(name, getattr(self, name))
        self._bind("steps", self.steps, to_widget=lambda v: min(v, self.steps.max))
        self._bind(
            "bits",
            self.bits,
            lambda v: FULL if v is None else v,
            lambda v: None if v == FULL else v,
        )
        self._bind(
            "label",
            self.label,
            lambda v: EVERY_CLASS if v is None else v,
            lambda v: None if v == EVERY_CLASS else v,
        )
        for button in self.keep.values():
            button.observe(lambda _: self._keep_from_buttons(), "value")
        self._choice.observe(lambda _: self._keep_to_buttons(), "keep")
        self._keep_to_buttons()

    def _bind(
        self,
        name: str,
        widget: Any,
        to_widget: Callable[[Any], Any] = lambda value: value,
        to_state: Callable[[Any], Any] = lambda value: value,
    ) -> None:
        """Ties a trait and a widget both ways; a list without the value is left alone."""

        def show(_: Any = None) -> None:
            value = to_widget(getattr(self._choice, name))
            if not hasattr(widget, "options") or value in _values(widget):
                widget.value = value

        def take(change: Any) -> None:
            if change.new is not None and not self._is_filling:
                setattr(self._choice, name, to_state(change.new))

        self._choice.observe(show, name)
        widget.observe(take, "value")
        show()

    def _offer(self, widget: w.Dropdown, name: str, options: list[tuple[str, Any]]) -> str:
        """Gives a list its options without losing the state's value; says so if it has to."""
        value = getattr(self._choice, name)
        with self._filling():
            widget.options = options
        names = [option for _, option in options]
        known = value in names
        if not known:
            default = getattr(Choice(), name)
            setattr(self._choice, name, default if default in names else names[0])
        widget.value = getattr(self._choice, name)
        offered = ", ".join(filter(None, names))
        return "" if known else f"{name} is {value!r}; choose one of {offered}."

    def _follow_model(self) -> None:
        """Offers the model's classes."""
        if self._catalog is None or self._choice.model not in self._catalog.models:
            return
        entry = self._catalog.models[self._choice.model]
        self.rescue.set_possible(entry.can_sample)
        self.model_note.value = f"<span>{escape(entry.note)}</span>"
        self.model_note.layout.display = None if entry.note else "none"
        names = entry.class_names
        options = [("each in turn" if names else "none", EVERY_CLASS)]
        options += [(f"{name}", i) for i, name in enumerate(names)]
        options += [("no class", UNCONDITIONAL)] if names else []
        value = self._choice.label
        kept = value if value in [option for _, option in options] else None
        with self._filling():
            self.label.options = options
            self.label.value = EVERY_CLASS if kept is None else kept
        self._choice.label = kept
        self.label.disabled = self.guidance.disabled = not names

    @contextmanager
    def _filling(self) -> Iterator[None]:
        """Lists may jump to their first entry while they are filled; the state does not follow."""
        self._is_filling = True
        try:
            yield
        finally:
            self._is_filling = False

    def _end_budget(self, name: str, value: Any) -> None:
        value = None if name == "bits" and value == FULL else value
        if not self._is_filling and value != getattr(self._choice, name):
            self._choice.budget = 0

    def _follow_budget(self) -> None:
        budget = self._choice.budget
        self.budget_line.layout.display = None if budget else "none"
        (self.bits.add_class if budget else self.bits.remove_class)("fmq-overruled")
        if budget:
            self.budget.value = f"<span>{budget / 1e3:,.1f} kB</span>"

    def _follow_granularity(self) -> None:
        shown = self._choice.granularity == "group"
        self.group_size.layout.display = None if shown else "none"

    def _keep_from_buttons(self) -> None:
        named = tuple(name for name in self._choice.keep if name not in KEEP_TAGS)
        pressed = tuple(tag for tag, button in self.keep.items() if button.value)
        self._choice.keep = pressed + named

    def _keep_to_buttons(self) -> None:
        keep = self._choice.keep
        for tag, button in self.keep.items():
            if button.value != (tag in keep):
                button.unobserve_all("value")
                button.value = tag in keep
                button.observe(lambda _: self._keep_from_buttons(), "value")


def _dropdown(description: str, tooltip: str) -> w.Dropdown:
    return w.Dropdown(description=description, tooltip=tooltip)


def section(title: str) -> w.HTML:
    """Returns the heading of a part of the column."""
    return w.HTML(f"<h3>{title}</h3>").add_class("fmq-section")


def _values(widget: Any) -> list[Any]:
    return [o[1] if isinstance(o, tuple) else o for o in widget.options]
