"""Files of weights from elsewhere: read without running code, recognised where possible."""

__all__ = ["ENDINGS", "MAX_BYTES", "MAX_WEIGHTS", "open_file"]

from .limits import ENDINGS, MAX_BYTES, MAX_WEIGHTS
from .opening import open_file
