"""The tidy table: one row a task, as CSV or Parquet."""

__all__ = ["COLUMNS", "EXTRA", "Table", "load_table", "tidy", "write_table"]

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isnan, nan
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..assets import assets_folder

TEXT = ("model", "scheme", "granularity", "solver", "codebook_dtype", "keep")
TEXT += ("objective", "rescue")
WHOLE = ("bits", "group_size", "seed", "n", "steps", "n_bytes", "version", "budget")
COLUMNS = (
    *("model", "scheme", "bits", "granularity", "group_size", "seed", "n", "steps", "solver"),
    *("codebook_dtype", "keep", "bits_per_weight", "n_bytes", "w2", "relative_error"),
    *("psnr", "ssim", "divergence", "swd", "fd", "kid", "readability"),
    *("latent_variance", "latent_normality", "latent_drift", "seconds", "version"),
)
"""The columns, in order; what they mean stands at `run_task`."""

EXTRA = ("budget", "objective", "rescue")
"""Further columns, which a table has where one of its rows says something there."""

ORDER = (
    *("model", "granularity", "scheme", "bits", "group_size", "codebook_dtype", "keep"),
    *("budget", "objective", "rescue", "seed", "n", "steps", "solver"),
)
DIGITS = 6

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Table:
    """Rows of a sweep, in a fixed order.

    Attributes:
        rows: One mapping a row, with every name in `COLUMNS` and `EXTRA`. A figure that does not
            apply is NaN, a missing group size or budget None.
    """

    rows: tuple[Row, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def select(self, **equal: Any) -> "Table":
        """Returns the rows with these values; a list or a tuple of values means any of them.

        Raises:
            ValueError: If there is no such column.

        Example:
            >>> table = Table(({"scheme": "uniform", "bits": 2}, {"scheme": "optimal", "bits": 3}))
            >>> len(table.select(scheme="optimal")), len(table.select(bits=(2, 3)))
            (1, 2)
        """
        for name in equal:
            _check_column(name)
        wanted = {k: v if isinstance(v, list | tuple | set) else (v,) for k, v in equal.items()}
        return Table(tuple(r for r in self.rows if all(r[k] in v for k, v in wanted.items())))

    def column(self, name: str) -> NDArray[Any]:
        """Returns a column, shape (rows,): text, whole numbers, or float64 with NaN for nothing.

        Example:
            >>> Table(({"psnr": 20.5}, {"psnr": float("nan")})).column("psnr")
            array([20.5,  nan])
        """
        _check_column(name)
        values = [row[name] for row in self.rows]
        if name in TEXT:
            return np.array(values, dtype=str)
        if name in WHOLE and None not in values:
            return np.array(values, dtype=np.int64)
        return np.array([nan if v is None else v for v in values], dtype=np.float64)

    def values(self, name: str) -> tuple[Any, ...]:
        """Returns the different values of a column, in order of appearance."""
        _check_column(name)
        return tuple(dict.fromkeys(row[name] for row in self.rows))

    def to_csv(self) -> str:
        """Returns the table as text: one line a row, nothing for what does not apply."""
        text, columns = io.StringIO(), self.columns
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_cell(row[name]) for name in columns] for row in self.rows)
        return text.getvalue()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that are written: all of `COLUMNS`, and `EXTRA` where needed."""
        says = any(row.get(name) for row in self.rows for name in EXTRA)
        return COLUMNS + EXTRA if says else COLUMNS


def tidy(rows: Iterable[Row]) -> Table:
    """Makes a table of measured rows: sorted, and rounded so that a new run changes few digits.

    Example:
        >>> row = dict.fromkeys(COLUMNS, "") | dict.fromkeys(WHOLE, 1) | {"psnr": 20.123456789}
        >>> tidy([row]).rows[0]["psnr"]
        20.1235
    """
    rounded = [
        {name: _value(name, row[name]) for name in COLUMNS}
        | {name: _value(name, row.get(name)) for name in EXTRA}
        for row in rows
    ]
    return Table(tuple(sorted(rounded, key=lambda row: [_rank(row[name]) for name in ORDER])))


def write_table(table: Table, path: Path) -> None:
    """Writes the table; a path that ends in `.parquet` gets Parquet, any other one CSV.

    Raises:
        ValueError: If Parquet is asked for and pyarrow is not installed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pyarrow, parquet = _arrow(path)
        names = table.columns
        columns = {name: [_absent(row[name]) for row in table.rows] for name in names}
        parquet.write_table(pyarrow.table(columns, schema=_schema(pyarrow, names)), path)
    else:
        path.write_text(table.to_csv(), encoding="utf-8")


def load_table(path: str | Path | None = None) -> Table:
    """Reads a table that `write_table` wrote.

    Args:
        path: A CSV or Parquet file; by default the sweep that ships with the project.

    Raises:
        ValueError: If there is no such file, or it is not a table of a sweep.
    """
    path = assets_folder() / "sweep.csv" if path is None else Path(path)
    if not path.is_file():
        raise ValueError(f"there is no table {path}: fmq-explore sweep --out {path} makes one")
    if path.suffix == ".parquet":
        rows = _arrow(path)[1].read_table(path).to_pylist()
    else:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    missing = [name for name in COLUMNS if not rows or name not in rows[0]]
    if missing:
        raise ValueError(
            f"{path} is no table of a sweep (it lacks {', '.join(missing[:3])}): "
            "name a file that fmq-explore sweep wrote"
        )
    return tidy(rows)


def _value(name: str, value: Any) -> Any:
    """Returns a value of its column's type, as it would be read back from a file."""
    if value is None or value == "":
        return "" if name in TEXT else None if name in WHOLE else nan
    if name in TEXT:
        return str(value)
    return int(value) if name in WHOLE else float(f"{float(value):.{DIGITS}g}")


def _cell(value: Any) -> str:
    """Returns the text of a value."""
    if value is None or (isinstance(value, float) and isnan(value)):
        return ""
    return f"{value:.{DIGITS}g}" if isinstance(value, float) else str(value)


def _absent(value: Any) -> Any:
    return None if isinstance(value, float) and isnan(value) else value


def _rank(value: Any) -> Any:
    return -1 if value is None else value


def _check_column(name: str) -> None:
    if name not in COLUMNS + EXTRA:
        raise ValueError(f"the table has no column {name!r}; choose one of {', '.join(COLUMNS)}")


def _arrow(path: Path) -> tuple[Any, Any]:
    """Imports pyarrow, which is an extra."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ValueError(
            f"{path} asks for Parquet, which needs pyarrow: pip install 'fmq-explore[parquet]', "
            "or use a name that ends in .csv"
        ) from None
    return pyarrow, pyarrow.parquet


def _schema(pyarrow: Any, names: tuple[str, ...]) -> Any:
    kinds = {name: pyarrow.string() for name in TEXT} | {name: pyarrow.int64() for name in WHOLE}
    return pyarrow.schema([(name, kinds.get(name, pyarrow.float64())) for name in names])
