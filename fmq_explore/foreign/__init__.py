"""Files of weights from elsewhere: read without running code, recognised where possible."""

__all__ = ["ENDINGS", "MAX_BYTES", "MAX_WEIGHTS", "check_path", "open_file"]

from typing import TYPE_CHECKING

from .._lazy import lazy_names
from .limits import ENDINGS, MAX_BYTES, MAX_WEIGHTS, check_path

if TYPE_CHECKING:
    from .opening import open_file

# The limits are needed before torch is there: the interface knows them from the start
__getattr__ = lazy_names(__name__, {"open_file": "opening"})
