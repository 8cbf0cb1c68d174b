"""JPEG files that Pillow reads but does not write, through libturbojpeg (TurboJPEG 2 API)."""

import ctypes
import ctypes.util

import numpy as np

SAMPLING_420, SAMPLING_440, SAMPLING_411 = 2, 4, 5
RGB, CMYK = 0, 11
CHANNELS = {RGB: 3, CMYK: 4}


def encode(samples: np.ndarray, kind: int, sampling: int, quality: int = 85) -> bytes:
    """`samples` is uint8 `[height, width, channels]`; CMYK is stored as YCCK with Adobe's marker."""
    library = ctypes.CDLL(ctypes.util.find_library("turbojpeg"))
    library.tjInitCompress.restype = ctypes.c_void_p
    library.tjFree.argtypes = [ctypes.c_void_p]
    library.tjDestroy.argtypes = [ctypes.c_void_p]
    height, width, channels = samples.shape
    assert channels == CHANNELS[kind]
    source = np.ascontiguousarray(samples).tobytes()
    compressor = ctypes.c_void_p(library.tjInitCompress())
    result, size = ctypes.c_void_p(None), ctypes.c_ulong(0)
    status = library.tjCompress2(
        compressor, source, width, 0, height, kind, ctypes.byref(result), ctypes.byref(size), sampling, quality, 0
    )  # fmt: skip
    assert status == 0
    data = ctypes.string_at(result.value, size.value)
    library.tjFree(result)
    library.tjDestroy(compressor)
    return data
