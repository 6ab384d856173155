"""Project settings that Kedro reads."""

from hrg_pipeline.config.loader import GroupedConfigLoader
from hrg_pipeline.config.run_guard import RunGuard
from hrg_pipeline.hooks import HOOKS as _PROJECT_HOOKS

HOOKS = (RunGuard(), *_PROJECT_HOOKS)
DISABLE_HOOKS_FOR_PLUGINS = ("kedro-telemetry",)

CONFIG_LOADER_CLASS = GroupedConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "merge_strategy": {"catalog": "soft"},
}
