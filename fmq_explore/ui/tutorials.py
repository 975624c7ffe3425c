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
            "Which 8 values should 576 weights share, and how far has a layer moved once they do?",
        ),
        Tutorial(
            "02_flow_matching",
            "Flow matching, from scratch",
            'How does a network that only says "move this way" turn noise into data, and in how '
            "few steps?",
        ),
        Tutorial(
            "03_quantizing_a_generator",
            "Quantizing a generator",
            "At how few bits does a network still draw digits, and which number would tell you?",
        ),
        Tutorial(
            "04_crossover",
            "The crossover",
            'The paper\'s "optimal transport" scheme beats plain uniform quantization at 2 bits '
            "and loses at 8. Where do they cross, and why must they?",
        ),
        Tutorial(
            "05_latents_and_trajectories",
            "Latents and trajectories",
            "From which noise would this network have drawn your image, and does its quantized "
            "version agree?",
        ),
        Tutorial(
            "06_bounds",
            "Bounds, and what they are worth",
            "A theorem promises that quantization cannot move a sample further than this. How much "
            "of the promise is news?",
        ),
        Tutorial(
            "07_your_own_checkpoint",
            "Your own checkpoint",
            "What happens to a model of yours at 2 or 3 bits, and which of its tensors deserve "
            "more?",
        ),
        Tutorial(
            "08_mixed_precision",
            "Mixed precision",
            "A file may have so many bytes and no more. Which tensors should get the bits?",
        ),
        Tutorial(
            "09_rescue",
            "Rescue",
            "Two bits break the model. How much comes back if the numbers behind the codes are "
            "chosen anew, and not one bit is added?",
        ),
        Tutorial(
            "10_on_a_microcontroller",
            "On a microcontroller",
            "A generator in 150 KB instead of 2 MB: does it run on a chip, and what do the bits "
            "that it lost save there?",
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
