"""One clear sentence out of whatever an error says."""

__all__ = ["sentence"]


def sentence(text: str) -> str:
    """Keeps the first line, ended by a full stop.

    Example:
        >>> sentence("bits is 9; choose 1 to 8\\nand more")
        'bits is 9; choose 1 to 8.'
    """
    line = text.strip().splitlines()[0].strip() if text.strip() else "unknown error"
    return line if line.endswith((".", "!", "?")) else line + "."
