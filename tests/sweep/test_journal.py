"""The journal: what is written stays, what is torn is done again, one writer at a time."""

import json

import pytest

from fmq_explore.sweep.journal import Journal


@pytest.fixture
def path(tmp_path):
    """A journal with two rows and an error."""
    path = tmp_path / "new" / "sweep.jsonl"
    with Journal(path) as journal:
        journal.add("a", {"psnr": 1 / 3, "ssim": float("nan")})
        journal.add_error("b", "it failed")
        journal.add("c", {"psnr": 3.0})
    return path


def test_rows_come_back_to_the_last_digit_and_nan_as_nothing(path):
    journal = Journal(path)
    assert journal.rows == {"a": {"psnr": 1 / 3, "ssim": None}, "c": {"psnr": 3.0}}
    assert journal.errors == {"b": "it failed"}
    assert len([json.loads(line) for line in path.read_text().splitlines()]) == 3


@pytest.mark.parametrize("n_bytes", [1, 5, 20])
def test_a_torn_last_line_costs_only_that_line(path, n_bytes):
    path.write_bytes(path.read_bytes()[:-n_bytes])
    rows = dict(Journal(path).rows)
    whole = n_bytes == 1  # only the end of the line is missing
    assert set(rows) == ({"a", "c"} if whole else {"a"})
    with Journal(path) as journal:
        journal.add("c", {"psnr": 4.0})
        journal.add("d", {"psnr": 5.0})
    expected = {"a": rows["a"], "c": {"psnr": 3.0 if whole else 4.0}, "d": {"psnr": 5.0}}
    assert Journal(path).rows == expected


def test_no_key_is_written_twice_and_a_success_clears_the_error(path):
    before = path.read_bytes()
    with Journal(path) as journal:
        journal.add("a", {"psnr": 0.0})
    assert path.read_bytes() == before
    with Journal(path) as journal:
        journal.add("b", {"psnr": 2.0})
        assert not journal.errors
    assert not Journal(path).errors
    assert Journal(path).rows["b"] == {"psnr": 2.0}


def test_foreign_lines_are_passed_over(path):
    with path.open("a") as file:
        file.write('[1]\n"x"\n{}\n\nnull\n')
    assert set(Journal(path).rows) == {"a", "c"}


def test_a_second_writer_is_refused_and_the_lock_ends_with_the_first(path):
    with Journal(path), pytest.raises(ValueError, match="another sweep is writing"), Journal(path):
        pass
    with Journal(path) as journal:
        journal.add("e", {"psnr": 1.0})
