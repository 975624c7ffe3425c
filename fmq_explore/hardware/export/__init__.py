"""Export of a quantized network: packed safetensors, a C header, ONNX."""

__all__ = ["c_data_bytes", "c_header", "write_c_header"]

from .c_header import c_data_bytes, c_header, write_c_header
