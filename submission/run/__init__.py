"""The run folder: the interface between training and everything after it (docs/run-folder.md)."""

from submission.run.folder import Run
from submission.run.logs import read_log, series
from submission.run.meta import (
    BlockMeta,
    DatasetMeta,
    ModelMeta,
    RepresentationMeta,
    RunMeta,
    TrainingMeta,
    representation_meta,
)
from submission.run.scores import ColumnRecord, MetricRecord, OutcomeRecord, ScoredData, ScoredRepresentation, ScoreFile

__all__ = [
    "BlockMeta",
    "ColumnRecord",
    "DatasetMeta",
    "MetricRecord",
    "ModelMeta",
    "OutcomeRecord",
    "RepresentationMeta",
    "Run",
    "RunMeta",
    "ScoreFile",
    "ScoredData",
    "ScoredRepresentation",
    "TrainingMeta",
    "read_log",
    "representation_meta",
    "series",
]
