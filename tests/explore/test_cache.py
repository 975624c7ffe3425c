"""The cache never holds more than its limit, and forgets what was used longest ago."""

import random

from fmq_explore.explore import ByteCache


def test_the_least_recently_used_goes_first() -> None:
    cache = ByteCache(limit_bytes=3)
    for key in "abc":
        cache.put(key, key.upper(), n_bytes=1)
    assert cache.get("a") == "A"
    cache.put("d", "D", n_bytes=1)
    assert cache.get("b") is None
    assert [cache.get(key) for key in "acd"] == ["A", "C", "D"]


def test_bytes_are_counted_whatever_happens() -> None:
    rng = random.Random(0)
    cache, sizes = ByteCache(limit_bytes=50), {}
    for _ in range(2000):
        key, size = rng.randrange(20), rng.randrange(0, 60)
        cache.put(key, key, n_bytes=size)
        sizes[key] = size
        assert cache.n_bytes <= 50
        assert cache.n_bytes == sum(sizes[k] for k in sizes if k in cache)
        assert (key in cache) == (size <= 50)
