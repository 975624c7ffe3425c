"""One clear sentence out of whatever an error says."""

__all__ = ["sentence", "upload_is_gone"]

from .request import UPLOAD


def sentence(text: str) -> str:
    """Keeps the first line, ended by a full stop.

    Example:
        >>> sentence("bits is 9; choose 1 to 8\\nand more")
        'bits is 9; choose 1 to 8.'
    """
    line = text.strip().splitlines()[0].strip() if text.strip() else "unknown error"
    return line if line.endswith((".", "!", "?")) else line + "."


def upload_is_gone(name: str) -> str:
    """Says why an uploaded file that a link names cannot be shown."""
    return (
        f"{name.removeprefix(UPLOAD)} was uploaded, and an uploaded file is gone with its page: "
        "open it again."
    )
