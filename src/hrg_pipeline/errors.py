"""The exceptions of this package.

HrgError
├── ConfigError        a parameter, choice or experiment that cannot be
├── RunNotFoundError   a run id that is not stored here
├── MotionError        a motion that leaves its bounds or has the wrong shape
├── ModelError         a robot, scene or compiled layout that is not what we rely on
└── IntegrityError     a stored artifact that does not match what was recorded
"""


class HrgError(ValueError):
    """Base of every error that this package raises on purpose; the message is one clear line."""


class ConfigError(HrgError):
    """A parameter, choice or experiment that cannot be."""


class RunNotFoundError(HrgError):
    """A run id that is not stored here."""


class MotionError(HrgError):
    """A motion that leaves its bounds or has the wrong shape."""


class ModelError(HrgError):
    """A robot, scene or compiled layout that is not what we rely on."""


class IntegrityError(HrgError):
    """A stored artifact that does not match what was recorded."""
