"""Short lessons: a view of the explorer, a question about it, and an answer that was checked."""

__all__ = ["LESSONS", "Lesson"]

from dataclasses import dataclass


@dataclass(frozen=True)
class Lesson:
    """A view with a question.

    Attributes:
        name: How a link calls it.
        title: A few words for the list.
        query: The view, as the query string of a link.
        question: What is asked.
        look: Where to look for it, and what to try.
        answer: Shown when asked for.
        tutorial: The notebook that goes deeper, a key of `TUTORIALS`.
        figures: What the answer states as a number, as text, by how it is computed; a test computes
            each anew.
    """

    name: str
    title: str
    query: str
    question: str
    look: str
    answer: str
    tutorial: str
    figures: dict[str, str]


LESSONS: dict[str, Lesson] = {}
