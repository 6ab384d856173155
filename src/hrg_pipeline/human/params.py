"""What can be chosen about the human and how the human moves."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

NonNegative = Annotated[float, Field(ge=0.0)]
Stature = Annotated[float, Field(ge=1.5, le=2.0)]
Girth = Annotated[float, Field(ge=0.85, le=1.2)]
Build = Literal["slim", "normal", "heavy"] | Girth

GIRTHS: dict[str, float] = {"slim": 0.89, "normal": 1.0, "heavy": 1.13}
"""Factor on the radii of trunk and limbs. Mass goes with its square at the same stature, so these are body mass
indices of 18.5, 23.5 and 30 kg/m^2: the borders of the normal and the obese range, and the middle (WHO)."""


class ProceduralMotionParams(BaseModel):
    """A seeded library of work at the table: walking up, reaching, turning, stepping back."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_clips: int = Field(default=48, ge=1, le=4096)
    """Distinct motions in the library; each episode draws one."""
    hand_speed_max: float = Field(default=1.6, gt=0.1, le=2.0)
    """No hand moves faster than this [m/s] (ISO 13855 walking speed; the shield assumes 2.0)."""


class MotionParams(ProceduralMotionParams):
    """Where the motions come from, and which of them are played."""

    source: str = Field(default="procedural", min_length=1)
    """``procedural``, or a folder of clips (``.npz``), looked for in its subfolders too."""
    families: tuple[str, ...] = ()
    """Kinds of motion that are played; none named: work at the table, or everything in the folder."""
    split: Literal["all", "train", "test"] = "all"
    """Which clips are played. A clip belongs to one of ``train`` and ``test`` for good, by its name."""
    test_share: float = Field(default=0.2, gt=0.0, lt=1.0)
    """Share of the clips that are ``test``, on average."""
    loop_amplitude_std_factor: float = Field(default=1.1, ge=1.0, le=1.5)
    """Loops are made longer or shorter by this to the power of a normal number, at most 3, in every episode."""
    loop_speed_std_factor: float = Field(default=1.1, ge=1.0, le=1.5)
    """The same for their speeds."""


class HumanParams(BaseModel):
    """The person beside the robot, and who else works at the table."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    count: int = Field(default=1, ge=1, le=4)
    """People at once. The first takes part in the task; others work at other sides of the table."""

    stature_m: Stature = 1.75
    """Body height [m]; segment lengths and radii follow (Drillis & Contini)."""
    build: Build = "normal"
    """Girth: ``slim``, ``normal``, ``heavy``, or a factor from 0.85 to 1.2 on the radii of trunk and limbs."""
    stature_range: tuple[Stature, Stature] | None = None
    """Draw the body height of every episode from this range [m]; None: always ``stature_m``."""
    build_range: tuple[Girth, Girth] | None = None
    """Draw the girth of every episode from this range; None: always ``build``."""
    human_rand: tuple[NonNegative, NonNegative, NonNegative] = (0.05, 0.20, 0.10)
    """Half widths of the uniform offset of an episode's motion: x, y [m], yaw [rad] about where they work."""
    gives_way: bool = True
    """Halt before touching the arm, and after half a second step back for a while, as people do; false: play the
    motion through whatever stands in the way, pushing the arm along."""
    motion: MotionParams = MotionParams()

    @property
    def girth(self) -> float:
        """``build`` as a factor."""
        return GIRTHS[self.build] if isinstance(self.build, str) else self.build

    @property
    def statures_m(self) -> tuple[float, float]:
        """Lowest and highest stature that can be drawn [m]."""
        return self.stature_range or (self.stature_m, self.stature_m)

    @property
    def girths(self) -> tuple[float, float]:
        """Least and greatest girth that can be drawn."""
        return self.build_range or (self.girth, self.girth)

    @model_validator(mode="after")
    def _ranges_rise(self) -> Self:
        for name in ("stature_range", "build_range"):
            value = getattr(self, name)
            if value is not None and value[0] > value[1]:
                raise ValueError(f"{name} is {list(value)}; its first number must not be above the second")
        return self
