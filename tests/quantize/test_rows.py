"""Rows: granularity, ragged groups, the sort."""

import numpy as np
import pytest

from fmq_explore.quantize.rows import check_granularity, row_lengths, sort_rows

SHAPES = [(), (7,), (3, 5), (4, 3, 2, 2), (1, 1)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("granularity", "group_size"),
    [("tensor", None), ("channel", None), ("group", 1), ("group", 4), ("group", 99)],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sort_equals_a_loop_over_rows(
    shape: tuple[int, ...], granularity: str, group_size: int | None, dtype: type
) -> None:
    rng = np.random.default_rng(0)
    w = np.round(rng.normal(size=shape) * 2).astype(dtype) / 4  # many ties, and signed zeros
    rows = sort_rows([w], granularity, group_size)
    channels = [w.reshape(-1)] if granularity == "tensor" or w.ndim < 2 else list(w)
    expected = []
    for channel in (np.asarray(c).reshape(-1) for c in channels):
        size = group_size if granularity == "group" else channel.size
        expected += [channel[i : i + size] for i in range(0, channel.size, size)]
    assert len(rows) == len(expected)
    for r, row in enumerate(expected):
        order = rows.order[rows.offsets[r] : rows.offsets[r + 1]]
        assert np.array_equal(order, np.argsort(row, kind="stable"))
        assert np.array_equal(rows.row(r), row[order])


def test_many_tensors_lie_end_to_end() -> None:
    rng = np.random.default_rng(1)
    arrays = [rng.normal(size=s).astype(np.float32) for s in [(3, 5), (4,), (2, 3, 3)]]
    together = sort_rows(arrays, "group", 4)
    apart = [sort_rows([a], "group", 4) for a in arrays]
    assert np.array_equal(together.values, np.concatenate([rows.values for rows in apart]))
    assert np.array_equal(
        np.diff(together.offsets), np.concatenate([np.diff(r.offsets) for r in apart])
    )


def test_extreme_values_keep_their_order() -> None:
    tiny, huge = np.finfo(np.float32).smallest_subnormal, np.finfo(np.float32).max
    w = np.array([huge, 0.0, -tiny, -huge, tiny, -0.0, 1.0], dtype=np.float32)
    rows = sort_rows([w], "tensor")
    assert rows.values.tolist() == sorted(w.tolist())
    assert rows.order.tolist() == [3, 2, 1, 5, 4, 6, 0]


def test_row_lengths() -> None:
    assert row_lengths((2, 3, 3), "group", 4).tolist() == [4, 4, 1, 4, 4, 1]
    assert row_lengths((6,), "channel").tolist() == [6]
    assert row_lengths((), "channel").tolist() == [1]


@pytest.mark.parametrize(
    ("granularity", "group_size", "words"),
    [
        ("row", None, "'row' is unknown; choose one of tensor, channel, group"),
        ("group", None, "needs group_size, a whole number of at least 1 weight; got None"),
        ("group", 0, "got 0"),
        ("group", 2.5, "got 2.5"),
    ],
)
def test_errors_name_the_remedy(granularity: str, group_size: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_granularity(granularity, group_size)  # type: ignore[arg-type]
