"""The notebooks' drawing helpers: colours, levels where they belong, names that stay apart."""

import matplotlib as mpl
import numpy as np
import pytest
import torch

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

import fmq_explore as fmq
from fmq_explore import figures
from fmq_explore.quantize import SCHEMES


@pytest.fixture
def ax() -> Axes:
    with mpl.rc_context():
        figures.style()
        fig, ax = plt.subplots()
        yield ax
        plt.close(fig)


def lines_at(ax: Axes, index: int) -> list[float]:
    """Where the vertical lines of a collection stand."""
    return [segment[0][0] for segment in ax.collections[index].get_segments()]


def test_every_scheme_has_its_own_look() -> None:
    looks = {(figures.colour(s), figures.marker(s), figures.title(s)) for s in SCHEMES}
    assert len(looks) == len(SCHEMES)
    assert all(len({look[i] for look in looks}) == len(SCHEMES) for i in range(3))


def test_an_unknown_colour_names_the_choices() -> None:
    with pytest.raises(ValueError, match=r"'opt'.*optimal"):
        figures.colour("opt")


@pytest.mark.parametrize("scheme", ["uniform", "clipped", "optimal"])
def test_borders_lie_halfway_between_levels(ax: Axes, scheme: str) -> None:
    row = torch.randn(1, 300, generator=torch.Generator().manual_seed(0))
    q = fmq.quantize(row, scheme, bits=3)
    figures.levels(ax, row, q)
    found = np.array(lines_at(ax, 1))
    np.testing.assert_allclose(found, q.codebook[0], atol=1e-6)
    np.testing.assert_allclose(lines_at(ax, 0), (found[:-1] + found[1:]) / 2, atol=1e-6)


def test_borders_of_own_cells_part_the_weights(ax: Axes) -> None:
    row = torch.randn(1, 320, generator=torch.Generator().manual_seed(1)).exp()
    figures.levels(ax, row, fmq.quantize(row, "equal_mass", bits=3))
    counts, _ = np.histogram(row.numpy(), [0.0, *lines_at(ax, 0), np.inf])
    assert counts.tolist() == [40] * 8


def test_unused_levels_are_not_drawn(ax: Axes) -> None:
    row = torch.tensor([[0.0, 0.1, 0.2, 1.0]])
    figures.levels(ax, row, fmq.quantize(row, "uniform", bits=2))
    np.testing.assert_allclose(lines_at(ax, 1), [0.0, 1 / 3, 1.0], atol=1e-6)


def test_names_keep_their_distance_and_order() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        wanted = np.sort(rng.random(6))
        found = np.array(figures._spread(wanted.tolist(), 0.1))
        assert (np.diff(found) >= 0.1 - 1e-9).all()
        assert found.mean() == pytest.approx(wanted.mean())
    assert figures._spread([0.1, 0.5], 0.1) == pytest.approx([0.1, 0.5])
    assert figures._spread([0.5, 0.5, 0.5], 0.1) == pytest.approx([0.4, 0.5, 0.6])


def test_curves_are_named_at_their_ends(ax: Axes) -> None:
    ax.set_yscale("log")
    figures.scheme_lines(ax, [2, 3], {"uniform": [1.0, 0.1], "optimal": [0.5, float("nan")]})
    assert [line.get_color() for line in ax.lines] == [
        figures.colour("uniform"),
        figures.colour("optimal"),
    ]
    assert [text.get_text() for text in ax.texts] == ["uniform"]


@pytest.mark.parametrize("channels", [1, 3])
def test_a_sheet_holds_every_pixel(ax: Axes, channels: int) -> None:
    images = torch.rand(2, 3, channels, 4, 5, generator=torch.Generator().manual_seed(2)) * 2 - 1
    figures.image_rows(ax, {"above": images[0], "below": images[1]})
    sheet = np.asarray(ax.images[0].get_array(), dtype=float).reshape(9, 17, -1)
    for i in range(2):
        for j in range(3):
            tile = sheet[5 * i : 5 * i + 4, 6 * j : 6 * j + 5]
            expected = (images[i, j].permute(1, 2, 0) + 1) * 127.5
            np.testing.assert_allclose(tile, expected, atol=0.51)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["above", "below"]


def test_rows_of_a_sheet_must_match(ax: Axes) -> None:
    with pytest.raises(ValueError, match="equal shape"):
        figures.image_rows(ax, {"a": torch.zeros(2, 1, 4, 4), "b": torch.zeros(3, 1, 4, 4)})


def test_points_are_drawn_where_they_are(ax: Axes) -> None:
    x = torch.tensor([[0.5, -1.0], [2.0, 2.5]])
    figures.points(ax, x, limit=4)
    np.testing.assert_allclose(ax.collections[0].get_offsets(), x)
    assert ax.get_xlim() == (-4, 4)
