"""Kedro datasets for models, replay buffers, specifications, videos, motion and folders."""

from hrg_pipeline.datasets.folder_dataset import FolderInventoryDataset
from hrg_pipeline.datasets.model_dataset import SB3ModelDataset
from hrg_pipeline.datasets.motion_set_dataset import MotionSetDataset
from hrg_pipeline.datasets.provenance_dataset import ProvenanceDataset
from hrg_pipeline.datasets.replay_buffer_dataset import ReplayBufferDataset
from hrg_pipeline.datasets.spec_dataset import EnvSpecDataset
from hrg_pipeline.datasets.video_dataset import Video, VideoDataset

__all__ = [
    "EnvSpecDataset",
    "FolderInventoryDataset",
    "MotionSetDataset",
    "ProvenanceDataset",
    "ReplayBufferDataset",
    "SB3ModelDataset",
    "Video",
    "VideoDataset",
]
