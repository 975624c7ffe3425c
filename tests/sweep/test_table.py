"""The table: sorted, rounded, and the same after a way through a file."""

import builtins
from math import isnan, nan

import numpy as np
import pytest

from fmq_explore.sweep.table import COLUMNS, TEXT, WHOLE, Table, load_table, tidy, write_table


def row(**values):
    """A row whose other values are plausible."""
    text, whole = dict.fromkeys(TEXT, "x"), dict.fromkeys(WHOLE, 1)
    return dict.fromkeys(COLUMNS, 0.123456789) | text | whole | values


@pytest.fixture
def table():
    """Rows out of order, with gaps."""
    return tidy(
        [
            row(model="mnist", scheme="uniform", bits=3, group_size=None, psnr=nan),
            row(model="mnist", scheme="uniform", bits=2, seed=1, psnr=-12.3456789),
            row(model="mnist", scheme="uniform", bits=2, seed=0, psnr=1e-9 / 3),
            row(model="digits", scheme="full", bits=32, granularity="", psnr=None, n_bytes=10**9),
        ]
    )


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_a_table_survives_a_file(table, tmp_path, name):
    write_table(table, tmp_path / "new" / name)
    back = load_table(tmp_path / "new" / name)
    assert back.to_csv() == table.to_csv()
    for one, two in zip(table.rows, back.rows, strict=True):
        for key in COLUMNS:
            assert one[key] == two[key] or (isnan(one[key]) and isnan(two[key]))
            assert type(one[key]) is type(two[key])


def test_rows_are_sorted_and_their_order_of_arrival_does_not_matter(table):
    order = [(r["model"], r["bits"], r["seed"]) for r in table.rows]
    assert order == [("digits", 32, 1), ("mnist", 2, 0), ("mnist", 2, 1), ("mnist", 3, 1)]
    assert tidy(reversed(table.rows)).to_csv() == table.to_csv()


def test_figures_have_six_digits_and_whole_numbers_all_of_theirs(table):
    assert table.rows[2]["psnr"] == -12.3457
    assert table.rows[1]["psnr"] == 3.33333e-10
    assert table.rows[0]["n_bytes"] == 10**9
    assert tidy(table.rows).to_csv() == table.to_csv()


def test_columns_are_arrays_with_nan_for_nothing(table):
    assert table.column("bits").dtype == np.int64
    np.testing.assert_array_equal(table.column("group_size"), [1, 1, 1, nan])
    assert np.isnan(table.column("psnr")).tolist() == [True, False, False, True]
    assert table.column("scheme").tolist() == ["full", "uniform", "uniform", "uniform"]
    assert len(Table(()).column("psnr")) == 0


def test_select_takes_one_value_or_several(table):
    assert len(table.select(model="mnist", bits=[2, 3])) == 3
    assert len(table.select(model="mnist", seed=1)) == 2
    assert len(table.select(model="cifar10")) == 0
    assert table.values("bits") == (32, 2, 3)
    for wrong in (lambda: table.select(colour="red"), lambda: table.column("colour")):
        with pytest.raises(ValueError, match="no column 'colour'; choose one of model"):
            wrong()


def test_what_is_no_table_is_refused(tmp_path):
    with pytest.raises(ValueError, match="there is no table"):
        load_table(tmp_path / "none.csv")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="no table of a sweep"):
        load_table(tmp_path / "other.csv")


def test_parquet_without_pyarrow_is_one_sentence(table, tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ValueError, match=r"pip install 'fmq-explore\[parquet\]'"):
        write_table(table, tmp_path / "t.parquet")
