"""A least-recently-used cache bounded by bytes, shared by the interface thread and the worker."""

__all__ = ["ByteCache"]

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any


class ByteCache:
    """Keeps the most recently used values until their sizes add up to a limit.

    Args:
        limit_bytes: The most bytes kept; a value larger than that is not kept at all.

    Example:
        >>> cache = ByteCache(limit_bytes=100)
        >>> cache.put("a", 1, n_bytes=60)
        >>> cache.put("b", 2, n_bytes=60)
        >>> cache.get("a") is None, cache.get("b")
        (True, 2)
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.n_bytes = 0
        self._items: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._lock = Lock()

    def __contains__(self, key: Hashable) -> bool:
        return key in self._items

    def __len__(self) -> int:
        return len(self._items)

    def get(self, key: Hashable) -> Any | None:
        """Returns the value and marks it as used, or None."""
        with self._lock:
            if key not in self._items:
                return None
            self._items.move_to_end(key)
            return self._items[key][0]

    def put(self, key: Hashable, value: Any, n_bytes: int) -> None:
        """Stores a value of a given size, dropping the least recently used ones to make room."""
        with self._lock:
            if key in self._items:
                self.n_bytes -= self._items.pop(key)[1]
            if n_bytes > self.limit_bytes:
                return
            self._items[key] = (value, n_bytes)
            self.n_bytes += n_bytes
            while self.n_bytes > self.limit_bytes:
                self.n_bytes -= self._items.popitem(last=False)[1][1]

    def drop(self, unwanted: Callable[[Any], bool]) -> None:
        """Drops every value whose key is not wanted any more."""
        with self._lock:
            for key in [key for key in self._items if unwanted(key)]:
                self.n_bytes -= self._items.pop(key)[1]
