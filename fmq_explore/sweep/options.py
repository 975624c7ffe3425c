"""Lists as people type them: `2-8`, `0,1,2`, `uniform,optimal`."""

__all__ = ["names", "numbers"]


def names(text: str | None) -> tuple[str, ...] | None:
    """Returns the words between commas, or None for None.

    Example:
        >>> names("uniform, optimal")
        ('uniform', 'optimal')
    """
    if text is None:
        return None
    return tuple(word.strip() for word in text.split(",") if word.strip())


def numbers(text: str, what: str) -> tuple[int, ...]:
    """Returns whole numbers and ranges of them.

    Args:
        text: Numbers and ranges between commas; a range includes both ends.
        what: What they are, for the message.

    Raises:
        ValueError: If a part is neither.

    Example:
        >>> numbers("2-4,8", "bits")
        (2, 3, 4, 8)
    """
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        try:
            found += range(int(first), int(last if dash else first) + 1)
        except ValueError:
            raise ValueError(
                f"{what} are {text!r}: give whole numbers such as 2,3,4 or a range such as 2-8"
            ) from None
    return tuple(found)
