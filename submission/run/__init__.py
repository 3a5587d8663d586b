"""The run folder: the interface between training and everything after it (docs/run-folder.md)."""

from submission.run.folder import Run
from submission.run.likelihood import Estimate, Likelihood, LikelihoodData, LikelihoodFile
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
from submission.run.scores import (
    ColumnRecord,
    DataRecord,
    MetricRecord,
    OutcomeRecord,
    RepresentationRecord,
    ScoreFile,
    SeedSummary,
)

__all__ = [
    "BlockMeta",
    "ColumnRecord",
    "DataRecord",
    "DatasetMeta",
    "Estimate",
    "Likelihood",
    "LikelihoodData",
    "LikelihoodFile",
    "MetricRecord",
    "ModelMeta",
    "OutcomeRecord",
    "RepresentationMeta",
    "RepresentationRecord",
    "Run",
    "RunMeta",
    "ScoreFile",
    "SeedSummary",
    "TrainingMeta",
    "read_log",
    "representation_meta",
    "series",
]
