"""Export of a quantized network: packed safetensors, a C header, ONNX.

`export_model(qm, path)` writes any of them, and tells what the file costs where it is used.
"""

__all__ = [
    "FORMATS",
    "Exported",
    "Format",
    "c_data_bytes",
    "c_header",
    "export_model",
    "write_c_header",
    "write_onnx",
]

from .c_header import c_data_bytes, c_header, write_c_header
from .formats import FORMATS, Exported, Format, export_model
from .onnx import write_onnx
