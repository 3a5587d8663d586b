"""``meta.json``: what a run was made from, what its codes mean, and how its training ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from submission import schema
from submission.errors import SubmissionError
from submission.files import write_json

FORMAT = 1
FIX = "restore it, or train again"


@dataclass(frozen=True)
class DatasetMeta:
    """The images of a run.

    Attributes:
        name: a name in ``submission.data.registry.REGISTRY``; the absolute path of a file of one's own.
        options: that data set's options.
        factor_names, factor_sizes, periodic: of each ground-truth factor; empty where they are unknown.
        image_shape: (height, width, channels).
        source: where the images came from, as text.
        checksum: of some of the images (``submission.data.dataset.checksum``); empty in runs before version 0.4.
    """

    name: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    factor_names: tuple[str, ...] = ()
    factor_sizes: tuple[schema.Size, ...] = ()
    periodic: tuple[bool, ...] = ()
    image_shape: tuple[schema.Size, ...] = ()
    source: str = ""
    checksum: str = ""


@dataclass(frozen=True)
class ModelMeta:
    """Networks, likelihood and objective: enough to build the model again.

    Attributes:
        networks: a name in ``submission.models.networks.NETWORKS``.
        likelihood: ``bernoulli`` or ``gaussian``.
        variance: of a Gaussian decoder's pixels.
        weights: number of them.
        objective: a name in ``submission.objectives.OBJECTIVES``.
        precision: of the products in training: ``float32`` or ``bfloat16``.
    """

    networks: str = ""
    likelihood: str = "bernoulli"
    variance: float = 1.0
    weights: int = 0
    objective: str = ""
    precision: str = "float32"


@dataclass(frozen=True)
class BlockMeta:
    """Columns ``start`` to ``stop - 1`` of the codes: one component of the latent space, of a topology."""

    name: str
    start: int
    stop: int
    topology: str = ""


@dataclass(frozen=True)
class RepresentationMeta:
    """The exported codes.

    Attributes:
        mode: the export mode (docs/latent.md); empty where it is unknown.
        scale: factor of the codes, or of each component's.
        width: number of columns.
        blocks: which columns belong together.
    """

    mode: str = ""
    scale: float | tuple[float, ...] | None = 1.0
    width: int = 0
    blocks: tuple[BlockMeta, ...] = ()


@dataclass(frozen=True)
class TrainingMeta:
    """How long training went on and why it ended.

    Attributes:
        steps: updates.
        images: images, with repetitions.
        seconds: of training.
        fraction: of the schedules, 0 to 1.
        ahead: the fraction of the run by which a time budget advanced the schedules.
        finished: whether training has finished; false during training and after an interruption.
        ended_by: ``steps``, ``time budget``, ``early stopping``, or a signal's name; empty during training.
        best_step, best_elbo: update and held-out ELBO (nats) of the exported weights, where images are held out.
    """

    steps: int = 0
    images: int = 0
    seconds: float = 0.0
    fraction: float = 0.0
    ahead: float = 0.0
    finished: bool = True
    ended_by: str = ""
    best_step: int | None = None
    best_elbo: float | None = None


@dataclass(frozen=True)
class RunMeta:
    """The contents of ``meta.json``; keys that an older version did not write have their defaults.

    Attributes:
        format: of the file.
        created, commit, machine, versions: when, from what and where the run was made.
        seed: of weights, data order and noise.
        held_out: number of training images that were kept out of training.
        dataset, model, representation, training: see their classes.
        space: the latent space, as ``submission.latent.parse`` reads it.
        untrained: path in the run folder of the same encoder before training.
        imports: modules of its user that the run needs; never imported unless asked for.
        extra: keys that this version does not know; they are kept when the file is written.
    """

    format: int = FORMAT
    created: str = ""
    commit: str = "unknown"
    machine: str = "unknown"
    versions: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0
    held_out: int = 0
    dataset: DatasetMeta = field(default_factory=DatasetMeta)
    model: ModelMeta = field(default_factory=ModelMeta)
    space: str = ""
    representation: RepresentationMeta = field(default_factory=RepresentationMeta)
    untrained: str = "baseline/untrained.pt"
    imports: tuple[str, ...] = ()
    training: TrainingMeta = field(default_factory=TrainingMeta)
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, path: Path) -> RunMeta:
        """The metadata in ``path``; SubmissionError where the file is damaged or of a newer version."""
        meta = schema.read_record(cls, path, FIX)
        if meta.format != FORMAT:
            what = f"{path} has format {meta.format}, this version reads {FORMAT}"
            raise SubmissionError(what, "use the version that wrote it (see versions in the file)")
        return meta

    def write(self, path: Path) -> None:
        """Replace ``path`` atomically."""
        write_json(path, self.to_json())

    def to_json(self) -> dict[str, Any]:
        """The contents of ``meta.json``."""
        plain: dict[str, Any] = schema.to_json(self)
        return plain


def representation_meta(layout: Mapping[str, Any]) -> RepresentationMeta:
    """The layout of codes, as ``LatentSpace.layout`` describes it, as a record."""
    return schema.record(RepresentationMeta, schema.to_json(layout), "the layout", FIX)
