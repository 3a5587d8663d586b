"""``meta.json`` of a run in training (docs/run-folder.md)."""

from __future__ import annotations

from submission import provenance
from submission.configuration.settings import Settings
from submission.data import ImageDataset
from submission.models.vae import VAE
from submission.plugins import imported_modules
from submission.run import DatasetMeta, ModelMeta, RunMeta, TrainingMeta, representation_meta
from submission.training.trainer import FINISHED, SeedRun


def describe(settings: Settings, dataset: ImageDataset, model: VAE, mode: str, precision: str) -> RunMeta:
    """The metadata of a run that starts."""
    return RunMeta(
        created=provenance.now(),
        commit=provenance.commit(),
        machine=provenance.machine(),
        versions=provenance.versions(),
        seed=settings.train.seed,
        held_out=settings.train.held_out,
        dataset=about_data(dataset, settings),
        model=about_model(settings, model, precision),
        space=model.space.spec,
        representation=representation_meta(model.space.layout(mode)),
        training=TrainingMeta(finished=False),
        imports=imported_modules(),
    )


def about_data(dataset: ImageDataset, settings: Settings) -> DatasetMeta:
    """Name, options, factors (empty where they are unknown), shape and origin of the images."""
    return DatasetMeta(
        name=dataset.name,
        options=dict(settings.data.options),
        factor_names=tuple(getattr(dataset, "factor_names", ())),
        factor_sizes=tuple(getattr(dataset, "factor_sizes", ())),
        periodic=tuple(getattr(dataset, "periodic", ())),
        image_shape=tuple(dataset.image_shape),
        source=dataset.notes,
    )


def about_model(settings: Settings, model: VAE, precision: str) -> ModelMeta:
    """Networks, likelihood and objective, enough to build the model again."""
    return ModelMeta(
        networks=settings.model.networks,
        likelihood=model.likelihood,
        variance=model.variance,
        weights=sum(weight.numel() for weight in model.parameters()),
        objective=settings.objective.name,
        precision=precision,
    )


def ended(run: SeedRun, reason: str) -> TrainingMeta:
    """The ``training`` part of a run that has ended for ``reason``: ``steps``, ``time budget``, ... or a signal."""
    validation = run.validation
    best = validation is not None and validation.best_step > 0
    return TrainingMeta(
        steps=run.done,
        images=run.done * run.setup.images_per_update,
        seconds=round(run.elapsed(), 3),
        fraction=run.budget.fraction,
        ahead=round(run.budget.ahead, 4),
        finished=reason in FINISHED,
        ended_by=reason,
        best_step=validation.best_step if validation is not None and best else None,
        best_elbo=validation.best if validation is not None and best else None,
    )
