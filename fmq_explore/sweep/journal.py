"""The journal of a sweep: every finished row at once on the disk, under the key of its content."""

__all__ = ["Journal"]

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any


class Journal:
    """JSON lines, one for each finished or failed task, that survive the death of the process.

    A line is written in one piece and flushed to the disk before the next task counts. A line that
    was torn all the same, by a power cut or a full disk, is not read, and its task is done again.
    One process writes to a journal at a time.

    Args:
        path: The file; it is made if it is not there.

    Attributes:
        rows: The finished rows, by key.
        errors: One sentence for each task that failed and has not succeeded since, by key.

    Raises:
        ValueError: If another process is writing to it.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     with Journal(Path(folder) / "sweep.jsonl") as journal:
        ...         journal.add("a", {"psnr": 20.0})
        ...     Journal(Path(folder) / "sweep.jsonl").rows
        {'a': {'psnr': 20.0}}
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: dict[str, dict[str, Any]] = {}
        self.errors: dict[str, str] = {}
        for line in path.read_bytes().split(b"\n") if path.is_file() else ():
            self._read(line)

    def _read(self, line: bytes) -> None:
        try:
            entry = json.loads(line)
            key, row, error = entry["key"], entry.get("row"), entry.get("error")
        except (ValueError, KeyError, TypeError, AttributeError):
            return  # torn, or not ours
        self._keep(key, row, error)

    def _keep(self, key: str, row: dict[str, Any] | None, error: str | None) -> None:
        if row is not None:
            self.rows[key] = row
            self.errors.pop(key, None)
        elif error is not None and key not in self.rows:
            self.errors[key] = error

    def __enter__(self) -> "Journal":
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open("ab+", buffering=0)
        try:
            _lock(self._file.fileno())
        except OSError:
            self._file.close()
            raise ValueError(
                f"another sweep is writing to {self.path}: wait for it, or name another journal"
            ) from None
        if self._file.tell() > 0:
            self._file.seek(-1, os.SEEK_END)
            if self._file.read(1) != b"\n":  # a torn line ends here, and must not spoil the next
                self._file.write(b"\n")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def add(self, key: str, row: dict[str, Any]) -> None:
        """Writes a finished row; a key that has one already keeps it."""
        if key not in self.rows:
            row = {name: None if value != value else value for name, value in row.items()}  # NaN
            self._write({"key": key, "row": row})
            self._keep(key, row, None)

    def add_error(self, key: str, error: str) -> None:
        """Writes why a task failed."""
        self._write({"key": key, "error": error})
        self._keep(key, None, error)

    def _write(self, entry: dict[str, Any]) -> None:
        self._file.write(json.dumps(entry, allow_nan=False).encode() + b"\n")
        os.fsync(self._file.fileno())


def _lock(file: int) -> None:
    """Takes the file for this process alone, where the system can; the system gives it back."""
    try:
        import fcntl
    except ImportError:  # Windows
        return
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
