"""A pickle that need not be trusted gives arrays or one clear line, and is never executed."""

from __future__ import annotations

import builtins
import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hrg_pipeline.errors import MotionError
from hrg_pipeline.human.recorded.pickle_reader import read_arrays

ARRAYS = {
    "a": np.arange(12.0).reshape(3, 4),
    "f": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "small": np.arange(5, dtype=np.float32),
    "big_endian": np.arange(4, dtype=">f8"),
    "counts": np.arange(3, dtype=np.int64),
    "empty": np.zeros((0, 4)),
}


def stored(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "motion.pkl"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_arrays_come_back_as_they_were(tmp_path: Path, protocol: int) -> None:
    read = read_arrays(
        stored(tmp_path, pickle.dumps({**ARRAYS, "note": "text", "n": 3, "x": np.float64(2.0)}, protocol=protocol))
    )
    assert list(read) == list(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(read[name], array)
        assert read[name].dtype == array.dtype.newbyteorder("=")


class Calls:
    """Pickles as a call of a function."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self.call


HOSTILE = {
    "a shell command": lambda mark: {"a": Calls(os.system, f"touch {mark}")},
    "eval": lambda mark: {"a": Calls(builtins.eval, f"open({str(mark)!r}, 'w')")},
    "open": lambda mark: {"a": Calls(open, str(mark), "w")},
    "getattr": lambda mark: {"a": Calls(getattr, 0, "bit_length")},
    "an instance": lambda mark: {"a": Path("x")},
    "numpy's loader": lambda mark: {"a": Calls(np.load, str(mark))},
    "an array of objects": lambda mark: {"a": np.array([Calls(os.system, f"touch {mark}"), None], dtype=object)},
    "an array of dates": lambda mark: {"a": np.array(["2020-01-01"], dtype="M8[D]")},
    "a record array": lambda mark: {"a": np.zeros(2, dtype=[("x", "f8"), ("y", "O")])},
    "an array of texts": lambda mark: {"a": np.array(["text"])},
}


@pytest.mark.parametrize("what", HOSTILE)
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_hostile_files_are_refused_and_do_nothing(tmp_path: Path, what: str, protocol: int) -> None:
    mark = tmp_path / "executed"
    path = stored(tmp_path, pickle.dumps(HOSTILE[what](mark), protocol=protocol))
    with pytest.raises(MotionError) as caught:
        read_arrays(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (b"", "not a complete pickle"),
        (b"\x00\x01", "not a complete pickle"),
        (b"BVH", "not a complete pickle"),
        (pickle.dumps([1, 2]), "list"),
        (pickle.dumps(ARRAYS)[:-40], "not a complete pickle"),
        # A memo place far beyond the file would make an unpickler ask for as many pointers.
        (b"\x80\x04]r" + struct.pack("<I", 2**31 - 1) + b".", "memo"),
        # A claim of 2**40 bytes in a file of a few.
        (b"\x80\x04\x8e" + struct.pack("<Q", 2**40) + b"abc.", "not a complete pickle"),
        (b"cos\nsystem\n(S'true'\ntR.", "STRING"),
        (b"(i__main__\nNobody\n.", "INST"),
        (b"\x80\x02P1\n.", "PERSID"),
    ],
)
def test_damaged_files_are_one_clear_line(tmp_path: Path, data: bytes, part: str) -> None:
    with pytest.raises(MotionError, match=part) as caught:
        read_arrays(stored(tmp_path, data))
    assert "\n" not in str(caught.value)


def test_shape_and_bytes_must_agree(tmp_path: Path) -> None:
    data = pickle.dumps({"a": np.zeros(7)}, protocol=4)
    longer = data.replace(b"K\x07\x85", b"K\x09\x85", 1)
    assert longer != data
    with pytest.raises(MotionError, match="shape"):
        read_arrays(stored(tmp_path, longer))


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(MotionError, match="No such file"):
        read_arrays(tmp_path / "nothing.pkl")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damage_leads_to_another_error(tmp_path: Path, data: st.DataObject) -> None:
    good = bytearray(pickle.dumps({"a": np.arange(4.0), "b": np.zeros((2, 2), np.float32)}, protocol=4))
    for _ in range(data.draw(st.integers(1, 4))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(good)))
    for content in (good, good[:cut]):
        try:
            read = read_arrays(stored(tmp_path, bytes(content)))
        except MotionError as error:
            assert "\n" not in str(error)
        else:
            assert all(array.dtype.kind in "fiub" for array in read.values())
