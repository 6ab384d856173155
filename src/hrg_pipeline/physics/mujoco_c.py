"""MuJoCo's C functions and structs, callable from compiled kernels.

Functions are bound by name against the library that the Python bindings have already loaded, so that kernels can be
cached on disk (a raw address would change with every process). Byte offsets of the few struct fields that kernels read
come from ``mujoco.introspect`` and are checked against the bindings when this module is imported.

Two rules for callers: keep the Python objects ``MjModel`` and ``MjData`` alive as long as a kernel may use their
addresses, and never recompile or resize them; a MuJoCo error inside a kernel ends the process.
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import llvmlite.binding
import mujoco
import numpy as np
from mujoco.introspect import ast_nodes, structs
from numba import types
from numba.extending import intrinsic
from numba.np.numpy_support import carray

from hrg_pipeline.errors import ModelError
from hrg_pipeline.physics.jit import kernel

_LIBRARY = next(Path(mujoco.__file__).parent.glob("libmujoco*"), None)
if _LIBRARY is None:
    raise ModelError(f"no libmujoco beside {mujoco.__file__}; this mujoco package is not the one from PyPI")
llvmlite.binding.load_library_permanently(str(_LIBRARY))

_ADDRESS = types.intp


def _function(name: str, *arguments: types.Type) -> Any:
    return types.ExternalFunction(name, types.void(*arguments))


mj_step1 = _function("mj_step1", _ADDRESS, _ADDRESS)
mj_step2 = _function("mj_step2", _ADDRESS, _ADDRESS)
mj_kinematics = _function("mj_kinematics", _ADDRESS, _ADDRESS)
mj_comPos = _function("mj_comPos", _ADDRESS, _ADDRESS)
mj_collision = _function("mj_collision", _ADDRESS, _ADDRESS)
mj_jac = _function("mj_jac", _ADDRESS, _ADDRESS, _ADDRESS, _ADDRESS, _ADDRESS, types.intc)

_CTYPES: dict[str, Any] = {
    "int": ctypes.c_int,
    "unsigned int": ctypes.c_uint,
    "float": ctypes.c_float,
    "double": ctypes.c_double,
    "mjtNum": ctypes.c_double,
    "size_t": ctypes.c_size_t,
    "mjtSize": ctypes.c_int64,
    "mjtByte": ctypes.c_uint8,
    "mjtBool": ctypes.c_uint8,
    "uint64_t": ctypes.c_uint64,
    "uintptr_t": ctypes.c_void_p,
}
_structures: dict[str, type[ctypes.Structure]] = {}


def _ctype(declared: Any) -> Any:
    """Translate a declaration of MuJoCo's headers into a ctypes type."""
    if isinstance(declared, ast_nodes.PointerType):
        return ctypes.c_void_p
    if isinstance(declared, ast_nodes.ArrayType):
        inner = _ctype(declared.inner_type)
        for extent in reversed(declared.extents):
            inner = inner * extent
        return inner
    name = declared.name
    if name in _CTYPES:
        return _CTYPES[name]
    return ctypes.c_int if name.startswith("mjt") else c_struct(name)


def c_struct(name: str) -> type[ctypes.Structure]:
    """Return the memory layout of a MuJoCo struct such as ``mjData``."""
    if name not in _structures:
        declared = structs.STRUCTS[name] if name in structs.STRUCTS else structs.STRUCTS[name + "_"]
        fields = [(field.name, _ctype(field.type)) for field in declared.fields]
        _structures[name] = type(name, (ctypes.Structure,), {"_fields_": fields})
    return _structures[name]


def _offset(struct: type[ctypes.Structure], field: str) -> int:
    return int(getattr(struct, field).offset)


_DATA, _CONTACT = c_struct("mjData"), c_struct("mjContact")
_NCON, _CONTACT_LIST, _WARNING = (_offset(_DATA, field) for field in ("ncon", "contact", "warning"))
_NE, _EFC_ID, _EFC_FORCE = (_offset(_DATA, field) for field in ("ne", "efc_id", "efc_force"))
_CONTACT_SIZE = ctypes.sizeof(_CONTACT)
_CONTACT_FIELDS = ("dist", "pos", "frame", "geom", "exclude")
_DIST, _POS, _FRAME, _GEOM, _EXCLUDE = (_offset(_CONTACT, field) for field in _CONTACT_FIELDS)
_WARNING_SIZE = ctypes.sizeof(c_struct("mjWarningStat"))
_WARNING_COUNT = _offset(c_struct("mjWarningStat"), "number")
N_WARNINGS = int(mujoco.mjtWarning.mjNWARNING)


def check_layout() -> None:
    """Compare what the offsets read with what the bindings say, on a small scene with one contact.

    Raises:
        ModelError: if this MuJoCo's structs are not laid out as its introspection says.
    """
    model = mujoco.MjModel.from_xml_string(
        "<mujoco><worldbody><geom type='plane' size='1 1 1'/>"
        "<body pos='0 0 .05'><freejoint/><geom size='.1'/></body>"
        "<body pos='0 0 2'><joint name='a' type='slide'/><geom size='.1'/></body></worldbody>"
        "<equality><joint joint1='a'/></equality></mujoco>"
    )
    data = mujoco.MjData(model)
    mujoco.mj_step(model, data)
    seen = _DATA.from_address(data._address)
    contact = _CONTACT.from_address(seen.contact)
    agrees = (
        seen.qpos == data.qpos.ctypes.data
        and seen.xpos == data.xpos.ctypes.data
        and seen.time == data.time
        and seen.ncon == data.ncon == 1
        and list(contact.geom) == list(data.contact[0].geom)
        and contact.dist == data.contact[0].dist
        and list(contact.pos) == list(data.contact[0].pos)
        and list(contact.frame) == list(data.contact[0].frame)
        and [w.number for w in seen.warning] == [w.number for w in data.warning]
        and seen.ne == data.ne == 1
        and seen.efc_id == data.efc_id.ctypes.data
        and seen.efc_force == data.efc_force.ctypes.data
    )
    if not agrees:
        raise ModelError(f"the struct layout of mujoco {mujoco.__version__} differs from its introspection")


check_layout()


def _pointer(value_type: types.Type) -> Any:
    """Make an intrinsic that turns an address into a typed pointer."""

    @intrinsic
    def cast(typingctx: Any, address: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.inttoptr(args[0], context.get_value_type(signature.return_type))

        return types.CPointer(value_type)(types.intp), codegen

    return cast


_f64, _i32, _i64 = _pointer(types.float64), _pointer(types.int32), _pointer(types.int64)


@kernel
def f64_array(address: int, n: int) -> np.ndarray:
    """View ``n`` doubles at an address."""
    return carray(_f64(address), n)


@kernel
def contact_count(data: int) -> int:
    """Return the number of contacts in ``mjData``."""
    return int(_i32(data + _NCON)[0])


@kernel
def contact_address(data: int, k: int) -> int:
    """Return the address of contact ``k``."""
    return int(_i64(data + _CONTACT_LIST)[0]) + k * _CONTACT_SIZE


@kernel
def contact_distance(contact: int) -> float:
    """Return the signed distance of a contact [m]; negative means penetration."""
    return float(_f64(contact + _DIST)[0])


@kernel
def contact_position(contact: int) -> np.ndarray:
    """View the contact point, world frame (3,) [m]."""
    return carray(_f64(contact + _POS), 3)


@kernel
def contact_normal(contact: int) -> np.ndarray:
    """View the unit normal of a contact, from the first geom to the second, world frame (3,)."""
    return carray(_f64(contact + _FRAME), 3)


@kernel
def contact_geoms(contact: int) -> np.ndarray:
    """View the two geom ids of a contact (2,)."""
    return carray(_i32(contact + _GEOM), 2)


@kernel
def contact_excluded(contact: int) -> int:
    """Return MuJoCo's reason for ignoring a contact; 0 if it produces force."""
    return int(_i32(contact + _EXCLUDE)[0])


@kernel
def equality_row_count(data: int) -> int:
    """Return how many rows of constraints belong to equalities; they come first."""
    return int(_i32(data + _NE)[0])


@kernel
def constraint_ids(data: int, n: int) -> np.ndarray:
    """View the object that each of the first ``n`` rows of constraints is of (n,)."""
    return carray(_i32(_i64(data + _EFC_ID)[0]), n)


@kernel
def constraint_forces(data: int, n: int) -> np.ndarray:
    """View the forces of the first ``n`` rows of constraints (n,) [N or Nm]."""
    return carray(_f64(_i64(data + _EFC_FORCE)[0]), n)


@kernel
def warning_total(data: int) -> int:
    """Return how many warnings (overflow, NaN, instability) this ``mjData`` has counted since its reset."""
    total = 0
    for k in range(N_WARNINGS):
        total += int(_i32(data + _WARNING + k * _WARNING_SIZE + _WARNING_COUNT)[0])
    return total
