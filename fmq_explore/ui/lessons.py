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
        figures: The numbers that the answer states, by what they are: a measure, and the choices in
            which the view differs from ``query``. A test computes each of them anew.
    """

    name: str
    title: str
    query: str
    question: str
    look: str
    answer: str
    tutorial: str
    figures: tuple[tuple[str, str, str], ...]


_ALL = (
    Lesson(
        name="crossover",
        title="The crossover",
        query="bits=4&scheme=uniform&compare=equal_mass",
        question="Uniform beats the paper's OT from 3 bits on: why?",
        look="Distance: follow the blue and the orange line from 2 to 8 bits. Where do they cross?",
        answer=(
            "Equal mass puts as many weights on every level, so the few large weights share one "
            "wide cell at each end, and a cell costs the square of its width. A further bit "
            "halves every step of the uniform grid and with it W₂: 0.0342, 0.0160, 0.0077 at 3, "
            "4, 5 bits. It narrows the outer cells of equal mass far less: 0.0344, 0.0228, "
            "0.0151. At 2 bits it is the other way round, 0.0799 against 0.0523: there the "
            "min-max grid spends two of its four levels on the extremes. The exact optimum lies "
            "below both at every bit width."
        ),
        tutorial="04_crossover",
        figures=(
            ("w2", "bits=3&scheme=uniform", "0.0342"),
            ("w2", "bits=4&scheme=uniform", "0.0160"),
            ("w2", "bits=5&scheme=uniform", "0.0077"),
            ("w2", "bits=3&scheme=equal_mass", "0.0344"),
            ("w2", "bits=4&scheme=equal_mass", "0.0228"),
            ("w2", "bits=5&scheme=equal_mass", "0.0151"),
            ("w2", "bits=2&scheme=uniform", "0.0799"),
            ("w2", "bits=2&scheme=equal_mass", "0.0523"),
        ),
    ),
    Lesson(
        name="true-bits",
        title="Bits on the label",
        query="bits=8&compare=uniform",
        question="Why is “8 bits” per channel 25 bits in the file?",
        look="Distance: compare label bits, true bits and file. Then set share to tensor.",
        answer=(
            "Every output channel has a codebook of its own: 256 entries of 16 bits, 4,096 bits, "
            "for a row of at most 576 weights. So the file holds 25.32 bits a weight and shrinks "
            "by no more than 1.26×. A grid needs only two numbers a row, however many levels it "
            "has: uniform is at 8.56 bits. With one codebook a tensor the exact optimum takes "
            "8.52 bits as well. Compare schemes at equal true bits; the quality panel can."
        ),
        tutorial="03_quantizing_a_generator",
        figures=(
            ("true_bits", "scheme=optimal", "25.32"),
            ("compression", "scheme=optimal", "1.26"),
            ("true_bits", "scheme=uniform", "8.56"),
            ("true_bits", "scheme=optimal&granularity=tensor", "8.52"),
            ("longest_row", "", "576"),
        ),
    ),
    Lesson(
        name="breaks-first",
        title="What breaks first",
        query="bits=2&distance_of=sensitivity",
        question="What breaks first at 2 bits?",
        look="Distance: the tallest bar. Then press “last layer” at the left: it is kept exact.",
        answer=(
            "The last layer. Every tensor loses about a third of its size, but not every tensor "
            "matters as much: with the last one alone at 2 bits the velocity changes by 64 %, "
            "with the first alone by 14 %, with any of those in the middle by about 2 % or less. "
            "Keep the last layer exact and PSNR rises from 11.4 to 15.9 dB, while the file grows "
            "from 2.60 to 2.67 bits a weight and W₂ of the model stays at 0.0446: a distance of "
            "weights does not know which weights count."
        ),
        tutorial="03_quantizing_a_generator",
        figures=(
            ("sensitivity last.weight", "", "64 %"),
            ("sensitivity first.weight", "", "14 %"),
            ("sensitivity middle", "", "2 %"),
            ("psnr", "", "11.4"),
            ("psnr", "keep=bias,norm,last", "15.9"),
            ("true_bits", "", "2.60"),
            ("true_bits", "keep=bias,norm,last", "2.67"),
            ("w2", "", "0.0446"),
            ("w2", "keep=bias,norm,last", "0.0446"),
        ),
    ),
    Lesson(
        name="same-w2",
        title="Same W₂",
        query="scheme=uniform&compare=equal_mass",
        question="Nearly the same W₂, quite different pictures: why?",
        look="Distance: 0.0342 and 0.0344. Samples: in black on one side, in grain on the other.",
        answer=(
            "W₂ tells how large the errors of the weights are, not what they do. Along the "
            "reference's paths the velocity is wrong by 87 % under uniform and by 56 % under "
            "equal mass, and the errors point elsewhere: that of equal mass points backwards and "
            "takes 44 % off the velocity, that of uniform adds 14 %. Too slow a flow stops short "
            "of the data, and noise is left, 12.8 dB; too fast a one drives pixels beyond black, "
            "strokes and all, 10.3 dB."
        ),
        tutorial="04_crossover",
        figures=(
            ("w2", "scheme=uniform", "0.0342"),
            ("w2", "scheme=equal_mass", "0.0344"),
            ("psnr", "scheme=uniform", "10.3"),
            ("psnr", "scheme=equal_mass", "12.8"),
            ("velocity error", "scheme=uniform", "87 %"),
            ("velocity error", "scheme=equal_mass", "56 %"),
            ("velocity lost", "scheme=equal_mass", "44 %"),
            ("velocity lost", "scheme=uniform", "14 %"),
        ),
    ),
    Lesson(
        name="optimum",
        title="Optimal for what?",
        query="model=digits&granularity=tensor&compare=clipped",
        question="Is the exact W2 optimum always the best for the samples?",
        look="Distance: which W₂ is smaller? Samples: which PSNR is higher? Try other seeds.",
        answer=(
            "No. The optimum has the smaller W₂, 0.0182 against 0.0191 for the clipped grid, as "
            "it must, and yet the clipped grid reaches 23.7 dB against 21.5, here and at the "
            "other seeds. A network does not weigh all errors alike, and W₂ does. The figures do "
            "not even agree with each other: the root mean square gap (Trajectories) is smaller "
            "for the optimum, 0.24 against 0.31, since a few images that go astray dominate it, "
            "while PSNR averages decibels image by image."
        ),
        tutorial="04_crossover",
        figures=(
            ("w2", "scheme=optimal", "0.0182"),
            ("w2", "scheme=clipped", "0.0191"),
            ("psnr", "scheme=clipped", "23.7"),
            ("psnr", "scheme=optimal", "21.5"),
            ("gap 1.0", "scheme=optimal", "0.24"),
            ("gap 1.0", "scheme=clipped", "0.31"),
        ),
    ),
    Lesson(
        name="pooling",
        title="The pooling trap",
        query="bits=2&scheme=equal_mass&compare=uniform&layer=down.conv1.weight&distance_of=layer"
        "&weights_as=transport",
        question="May one pool the weights of all rows and take the W₂ of the pool?",
        look="Distance of this tensor: uniform lies above equal mass. Would a pooled W₂ agree?",
        answer=(
            "No: pooling turns the ranking round. Row by row, as the network uses them, the W₂ of "
            "this tensor is 0.0667 for equal mass and 0.0976 for uniform. Pooled, it would be "
            "0.0481 and 0.0407: uniform would seem the better one. In a pool a weight of one row "
            "may be matched with a level of another, a transport that no network can make. Only "
            "per row is W₂² the mean squared error."
        ),
        tutorial="01_quantizers_and_w2",
        figures=(
            ("row w2", "scheme=equal_mass", "0.0667"),
            ("row w2", "scheme=uniform", "0.0976"),
            ("pooled w2", "scheme=equal_mass", "0.0481"),
            ("pooled w2", "scheme=uniform", "0.0407"),
        ),
    ),
    Lesson(
        name="late",
        title="Paths part late",
        query="model=moons&bits=2&scheme=uniform",
        question="Why do trajectories part late?",
        look="Trajectories: follow the gap over t, and play the flow. Where do the bundles split?",
        answer=(
            "Every step adds its error of the velocity, and the flow carries on what was there "
            "before. At first it draws neighbours together: the logarithmic norm (measures, "
            "Bounds) is below 0 up to t = 0.3. Later it must send neighbours to different moons "
            "and pulls them apart, with a logarithmic norm of up to 4.0. So the gap is 0.13 "
            "halfway and 0.32 at the end: most of it comes in the second half."
        ),
        tutorial="05_latents_and_trajectories",
        figures=(
            ("log norm is negative up to", "", "0.3"),
            ("log norm", "", "4.0"),
            ("gap 0.5", "", "0.13"),
            ("gap 1.0", "", "0.32"),
        ),
    ),
    Lesson(
        name="bounds",
        title="What a bound is worth",
        query="page=measures&model=digits",
        question="The theory bounds the damage: how tight is it?",
        look="Bounds: read the lines at t = 1, on a logarithmic scale. Which could you plan with?",
        answer=(
            "The samples are 1.06 apart. From the error of the velocity along the path, the bound "
            "for Euler steps is 13.8, the one with the Lipschitz constant 75: an order of "
            "magnitude and more above. From the distance of the weights alone it is about 5 "
            "million: true and useless, since it multiplies the worst constants of all times. A "
            "bound on the worst case is no forecast; and as the constants are estimated on "
            "visited points, these are estimates of bounds, not certificates."
        ),
        tutorial="06_bounds",
        figures=(
            ("bound gap", "", "1.06"),
            ("bound bound_discrete", "", "13.8"),
            ("bound bound_field", "", "75"),
            ("bound bound_weights", "", "5 million"),
        ),
    ),
    Lesson(
        name="fidelity",
        title="Fidelity or quality",
        query="page=measures&model=digits&bits=4&compare=equal_mass&quality_of=readability",
        question="32.4 dB against 24.7 dB: is one the better generator?",
        look="Quality: look at PSNR, then at readability and the Fréchet distance, with intervals.",
        answer=(
            "Not as far as 64 samples can tell. PSNR is fidelity: does the same noise still give "
            "the same image as at full precision? It falls when a path ends at another image, "
            "however good. Quality asks whether the images are good: 98 % of the exact optimum's "
            "can be read as asked, 97 % of equal mass's and 98 % at full precision, and their "
            "Fréchet distances to real digits are 0.53, 0.57 and 0.53, well within each other's "
            "intervals."
        ),
        tutorial="04_crossover",
        figures=(
            ("psnr", "scheme=optimal", "32.4"),
            ("psnr", "scheme=equal_mass", "24.7"),
            ("quality readability", "scheme=optimal", "98 %"),
            ("quality readability", "scheme=equal_mass", "97 %"),
            ("quality readability", "bits=full", "98 %"),
            ("quality fd", "scheme=optimal", "0.53"),
            ("quality fd", "scheme=equal_mass", "0.57"),
            ("quality fd", "bits=full", "0.53"),
        ),
    ),
)

LESSONS: dict[str, Lesson] = {lesson.name: lesson for lesson in _ALL}
"""All lessons by name, in the order in which they are gone through."""
