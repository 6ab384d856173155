"""Pickled motion, read without building anything but numpy arrays."""

from __future__ import annotations

import io
import pickle
import pickletools
from pathlib import Path
from typing import Any, Never

import numpy as np
import numpy.typing as npt

from hrg_pipeline.errors import MotionError

Array = npt.NDArray[Any]

MAX_FILE_BYTES = 512 * 2**20
_DTYPES = frozenset(("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"))
_PACKAGES = ("numpy.core", "numpy._core")

# What a pickled dictionary of arrays, numbers and texts is made of. Calls of anything else (INST, OBJ, NEWOBJ, EXT,
# persistent ids) have no place in one, so such a file is refused before a single operation of it is carried out.
_OPERATIONS = frozenset(
    """PROTO FRAME STOP MARK POP POP_MARK DUP NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG LONG1 FLOAT BINFLOAT
    UNICODE SHORT_BINUNICODE BINUNICODE BINUNICODE8 SHORT_BINBYTES BINBYTES BINBYTES8 BYTEARRAY8 EMPTY_LIST APPEND
    APPENDS LIST EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_DICT DICT SETITEM SETITEMS GET BINGET LONG_BINGET PUT
    BINPUT LONG_BINPUT MEMOIZE GLOBAL STACK_GLOBAL REDUCE BUILD""".split()
)
_PUTS = frozenset(("PUT", "BINPUT", "LONG_BINPUT"))


class _DType:
    """Stands for a numpy dtype while a pickle is read."""

    def __init__(self, code: object, *flags: object) -> None:
        if code not in _DTYPES:
            raise MotionError(f"holds an array of type {code!r}; only numbers can be read")
        self.dtype = np.dtype(str(code))

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) < 2 or state[1] not in ("<", ">", "|", "="):
            raise MotionError("holds an array whose type is not a plain number")
        self.dtype = self.dtype.newbyteorder(state[1])


class _Array:
    """Stands for a numpy array while a pickle is read."""

    def __init__(self) -> None:
        self.value: Array | None = None

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise MotionError("holds an array without shape, type and data")
        _, shape, dtype, fortran, data = state
        self.value = _filled(data, dtype, shape, "F" if fortran else "C")


def _reconstruct(kind: object, shape: object, code: object) -> _Array:
    if kind is not _Array:
        raise MotionError("holds an array of an unknown class")
    return _Array()


def _from_buffer(data: object, dtype: object, shape: object, order: object) -> _Array:
    array = _Array()
    array.value = _filled(data, dtype, shape, order)
    return array


def _scalar(dtype: object, data: object) -> float | int | bool:
    number: float | int | bool = _filled(data, dtype, (), "C").item()
    return number


def _filled(data: object, dtype: object, shape: object, order: object) -> Array:
    """Return the array of the given bytes."""
    if not isinstance(dtype, _DType) or not isinstance(data, bytes | bytearray):
        raise MotionError("holds an array whose data are not plain bytes; only numbers can be read")
    sizes = shape if isinstance(shape, tuple) else (shape,)
    if len(sizes) > 4 or not all(type(size) is int and 0 <= size < 2**40 for size in sizes):
        raise MotionError(f"holds an array of shape {shape!r}")
    count = int(np.prod([int(size) for size in sizes], dtype=object))
    if count * dtype.dtype.itemsize != len(data):
        raise MotionError(f"holds an array of shape {shape!r} with {len(data)} bytes of {dtype.dtype}")
    flat = np.frombuffer(bytes(data), dtype=dtype.dtype)
    return flat.reshape(sizes, order="F" if order == "F" else "C").astype(dtype.dtype.newbyteorder("="))


_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _DType,
    **{(f"{package}.multiarray", "_reconstruct"): _reconstruct for package in _PACKAGES},
    **{(f"{package}.multiarray", "scalar"): _scalar for package in _PACKAGES},
    **{(f"{package}.numeric", "_frombuffer"): _from_buffer for package in _PACKAGES},
}


class _ArrayUnpickler(pickle.Unpickler):
    """Knows the names that pickled arrays and numbers of numpy use, and none other."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise MotionError(f"asks for '{module}.{name}'; only numpy arrays of numbers are read") from None

    def persistent_load(self, pid: Any) -> Never:
        raise MotionError("refers to objects outside of the file")


def read_arrays(path: Path) -> dict[str, Array]:
    """Read a pickled dictionary of arrays from a file that need not be trusted.

    The file is first scanned without being executed; then an unpickler builds stand-ins for arrays and checks what
    they are given, so that no class or function of any library is called, numpy's own unpickling included.

    Args:
        path: the file.

    Returns:
        Array by name; whatever else the dictionary holds is left out.

    Raises:
        MotionError: one line with the file and the reason when it is missing, too large, truncated, asks for
            anything but arrays of numbers, or is no dictionary.
    """
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise MotionError(f"is {size} bytes long; at most {MAX_FILE_BYTES} are read")
        data = path.read_bytes()
        _scan(data)
        content = _ArrayUnpickler(io.BytesIO(data)).load()
    except MotionError as error:
        raise MotionError(f"'{path}' {error}") from None
    except OSError as error:
        raise MotionError(f"'{path}' cannot be read: {error.strerror or error}") from error
    except Exception as error:  # an unpickler answers damaged files with errors of almost any class
        reason = (str(error).splitlines() or [""])[0] or type(error).__name__
        raise MotionError(f"'{path}' is not a complete pickle: {reason}") from error
    if not isinstance(content, dict):
        raise MotionError(f"'{path}' holds a {type(content).__name__}; expected a dictionary of arrays")
    return {
        key: value.value
        for key, value in content.items()
        if isinstance(key, str) and isinstance(value, _Array) and value.value is not None
    }


def _scan(data: bytes) -> None:
    """Refuse operations that a dictionary of arrays does not need, and memo places far beyond its size."""
    n_operations = 0
    for operation, argument, _ in pickletools.genops(data):
        n_operations += 1
        if operation.name not in _OPERATIONS:
            raise MotionError(f"uses the pickle operation {operation.name}; only numpy arrays of numbers are read")
        if operation.name in _PUTS and int(argument or 0) > n_operations:
            raise MotionError(f"stores under the memo number {argument}; a damaged or hostile pickle")
