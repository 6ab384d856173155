"""Work at the table: the motion of the reaching and pick-and-place tasks."""

from __future__ import annotations

from hrg_pipeline.human.families.writer import Draft, FamilyWriter
from hrg_pipeline.human.script import ScriptWriter


class WorkWriter(FamilyWriter):
    """Reaches, looks, steps aside, leaves and comes back for a drawn while."""

    def write(self) -> Draft:
        """Draw the motion."""
        seconds = self._uniform(10.0, 20.0)
        return Draft(ScriptWriter(self._rng, self._skeleton, self._hand_speed, seconds).write())
