"""What the import of motion does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hrg_pipeline.errors import MotionError
from hrg_pipeline.human.recorded.params import MotionImportParams


def import_motion(motion: MotionImportParams) -> dict[str, Any]:
    """Import every recording of a file or folder.

    Args:
        motion: The source, and the body that the clips are for.

    Returns:
        ``clips`` (clip by name), ``report`` (data frame, one row a file) and ``table`` (the same to read).

    Raises:
        MotionError: if nothing could be imported; with one file, the reason is that file's.
    """
    from hrg_pipeline.human.recorded.importer import find_recordings, import_recordings
    from hrg_pipeline.learning.progress import Progress
    from hrg_pipeline.reporting.motion_report import report_frame, report_table

    source = Path(motion.source or "").expanduser()
    files = find_recordings(source)
    clips, rows = {}, []
    progress = Progress("import", len(files), "file")
    try:
        for done, imported in enumerate(import_recordings(source, motion), start=1):
            rows.append(imported.row)
            if imported.clip is not None:
                clips[imported.clip.name] = imported.clip
            progress.update(done, {"clips": str(len(clips))})
    finally:
        progress.close()
    if not clips:
        first = next(row for row in rows if row.status == "failed")
        reason = f"'{first.file}' {first.reason}"
        raise MotionError(
            reason if len(rows) == 1 else f"none of {len(rows)} files can be imported; the first: {reason}"
        )
    return {"clips": clips, "report": report_frame(rows), "table": report_table(rows)}
