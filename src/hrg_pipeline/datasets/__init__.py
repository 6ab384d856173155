"""Kedro datasets: motion clips and sets of them, models, replay buffers, checkpoints, specs, videos, folders."""

from hrg_pipeline.datasets.checkpoints_dataset import CheckpointsDataset
from hrg_pipeline.datasets.clip_dataset import ClipDataset
from hrg_pipeline.datasets.folder_dataset import FolderInventoryDataset
from hrg_pipeline.datasets.model_dataset import SB3ModelDataset
from hrg_pipeline.datasets.motion_set_dataset import MotionSetDataset
from hrg_pipeline.datasets.provenance_dataset import ProvenanceDataset
from hrg_pipeline.datasets.replay_buffer_dataset import ReplayBufferDataset
from hrg_pipeline.datasets.spec_dataset import EnvSpecDataset
from hrg_pipeline.datasets.video_dataset import Video, VideoDataset

__all__ = [
    "CheckpointsDataset",
    "ClipDataset",
    "EnvSpecDataset",
    "FolderInventoryDataset",
    "MotionSetDataset",
    "ProvenanceDataset",
    "ReplayBufferDataset",
    "SB3ModelDataset",
    "Video",
    "VideoDataset",
]
