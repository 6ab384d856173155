"""What can be chosen about the import of recorded motion."""

from __future__ import annotations

import re
from pathlib import PurePath

from pydantic import BaseModel, ConfigDict, Field


class MotionImportParams(BaseModel):
    """Which recordings become clips, and of what body."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    source: str | None = Field(default=None, min_length=1)
    """File or folder (with its subfolders) that the pipeline ``import_motion`` reads: ``.pkl`` with ``_info.json``,
    or ``.bvh``; null: none."""
    name: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)
    """Folder below ``data/02_intermediate/motion`` that the clips go to; null: the name of the source."""
    stature_m: float = Field(default=1.75, ge=1.5, le=2.0)
    """Height of the body that the clips are made for [m]."""
    hand_speed_max: float = Field(default=1.6, gt=0.1, le=2.0)
    """No hand moves faster than this [m/s], as in procedural motion; the shield's other bounds hold as well."""
    frame_rate_hz: float | None = Field(default=None, ge=1.0, le=1000.0)
    """Frames a second of the recordings; null: as the file says, else 120 for CMU and 100 for Vicon pickles."""
    overwrite: bool = False
    """Replace clips that were imported before."""


def set_name(params: MotionImportParams) -> str:
    """Name of the set of clips that an import writes: as chosen, else after its source."""
    if params.name:
        return params.name
    stem = PurePath(params.source).stem if params.source else ""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", stem).strip("._-") or "imported"
