"""The tutorials in `notebooks/`: what each asks, and how to open it where nothing is served."""

__all__ = ["TUTORIALS", "Tutorial", "tutorial_html"]

from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Tutorial:
    """A notebook that goes with a panel.

    Attributes:
        name: The file's name without its ending; it begins with the number.
        title: What it is about.
        question: What it asks.
    """

    name: str
    title: str
    question: str

    @property
    def number(self) -> str:
        """The two digits that the name begins with."""
        return self.name[:2]

    @property
    def command(self) -> str:
        """The command that opens it, from the root of the repository."""
        return f"jupyter lab notebooks/{self.name}.ipynb"


TUTORIALS = {
    tutorial.name: tutorial
    for tutorial in (
        Tutorial(
            "01_quantizers_and_w2",
            "Quantizers and W2",
            "Which levels lose least, and what does the Wasserstein distance of weights measure?",
        ),
        Tutorial(
            "02_flow_matching",
            "Flow matching from scratch",
            "How does a network learn to carry noise to data, and what is a trajectory?",
        ),
        Tutorial(
            "03_quantizing_a_generator",
            "Quantizing a generator",
            "How few bits can a generator bear, and what does its file really hold?",
        ),
        Tutorial(
            "04_crossover",
            "The crossover",
            "Equal mass, uniform, exact: which is best at which bit width, and why?",
        ),
        Tutorial(
            "05_latents_and_trajectories",
            "Latents and trajectories",
            "Where does a quantized model think an image came from?",
        ),
        Tutorial(
            "06_bounds",
            "Bounds, and what they are worth",
            "How far can the samples move when the weights move a little?",
        ),
        Tutorial(
            "07_your_own_checkpoint",
            "Your own checkpoint",
            "What happens to a model of yours at 3 bits?",
        ),
    )
}


def tutorial_html(tutorial: Tutorial) -> str:
    """Returns the text of the box: what the notebook asks, its file and its command.

    Voila serves no notebooks: there the command is what helps. Inside JupyterLab a link opens it.
    """
    return (
        f"<h2>Tutorial {tutorial.number}: {escape(tutorial.title)}</h2>"
        f"<p>{escape(tutorial.question)}</p>"
        f"<p>Open <code>notebooks/{tutorial.name}.ipynb</code> with this command, from the root "
        "of the repository:</p>"
        f"<pre>{escape(tutorial.command)}</pre>"
        f'<p class="fmq-lab-only"><a href="#" data-notebook="{tutorial.name}.ipynb">'
        "Open it here in JupyterLab</a></p>"
    )
