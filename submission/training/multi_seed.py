"""One update of several models at once: their networks run as batched products over stacked weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor
from torch.func import functional_call, vmap
from torch.nn.modules.dropout import _DropoutNd

from submission.configuration.settings import TrainSettings
from submission.errors import UsageError
from submission.latent.estimators import add_score_terms
from submission.models.vae import VAE
from submission.objectives import Coefficients, PassObjective, Terms
from submission.objectives.adam import advance
from submission.objectives.base import ForwardPass, draw
from submission.objectives.reconstruction import log_density
from submission.training.randomness import Stream
from submission.training.step import EagerStep, adam, has_statistics

NETWORKS = ("encoder", "decoder")


class GroupStep:
    """S models' updates as one program; each model gets what its own step would give it, up to rounding.

    Every weight becomes a slice of a stacked tensor (S, ...), and so do Adam's moments. The members stay what they
    were: their models, optimisers and ``state`` show the slices, so that log, checkpoint, held-out images and export
    need not know of the group. Networks run for all models at once; sampling, KL and objective model by model, each
    drawing from its own stream of random numbers.

    Args:
        members: the models' own steps: one architecture, a ``PassObjective`` each, equally many updates done.
        streams: where each model's random numbers come from.
        settings: the optimiser's numbers.
        precision: ``float32`` or ``bfloat16``, of the networks' products.
    """

    def __init__(
        self, members: Sequence[EagerStep], streams: Sequence[Stream], settings: TrainSettings, precision: str
    ) -> None:
        self.members, self.streams = tuple(members), tuple(streams)
        self.models = tuple(member.model for member in members)
        self.dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
        named = [dict(model.named_parameters()) for model in self.models]
        self.slices = {name: [own[name] for own in named] for name in named[0]}
        self.weights = {name: stacked(slices) for name, slices in self.slices.items()}
        self.optimizer = adam(self.weights.values(), settings)
        self._stack_moments()
        self.used = {name: self._used(weight) for name, weight in self.weights.items() if name.startswith(NETWORKS)}
        self.constants = self._constants()

    def __call__(self, images: Tensor, *coefficients: Coefficients) -> tuple[Terms, ...]:
        """Update every model with its part of the ``images`` (S·n, C, H, W); the terms are those before the update.

        A scheduled learning rate is the first model's.
        """
        images = images.unflatten(0, (len(self.members), -1))
        terms = tuple(
            objective_of(member).loss_from(run, member.model.space, own)
            for member, run, own in zip(self.members, self.passes(images), coefficients, strict=True)
        )
        torch.stack([each.loss for each in terms]).sum().backward()
        self._collect_gradients()
        advance(self.optimizer, coefficients[0].get("learning_rate"))
        self._refresh()
        for member, own in zip(self.members, coefficients, strict=True):
            member.optimizer.param_groups[0]["lr"] = self.optimizer.param_groups[0]["lr"]
            member.follow(own)
        return terms

    def passes(self, images: Tensor) -> list[ForwardPass]:
        """One pass through every model."""
        draws = []
        encoded = self.apply("encoder", images).unbind()
        for model, stream, parameters in zip(self.models, self.streams, encoded, strict=True):
            with stream:
                draws.append(draw(model.space, parameters))
        features = torch.stack(
            [model.space.decoder_input(z) for model, (_, z, _) in zip(self.models, draws, strict=True)]
        )
        outputs = self.apply("decoder", features)
        densities = log_density(self.models[0], outputs.flatten(0, 1), images.flatten(0, 1)).view(len(draws), -1)
        return [
            ForwardPass(posterior, z, kl, add_score_terms(posterior, z, density))
            for (posterior, z, kl), density in zip(draws, densities.unbind(), strict=True)
        ]

    def apply(self, network: str, inputs: Tensor) -> Tensor:
        """Outputs (S, n, ...) of every model's ``network`` for its ``inputs`` (S, n, ...), float32."""
        module = self.models[0].get_submodule(network)
        tensors = self.used | self.constants
        weights = {name.removeprefix(f"{network}."): own for name, own in tensors.items() if name.startswith(network)}
        outputs: Tensor = vmap(lambda own, x: functional_call(module, own, (x,)))(weights, inputs.to(self.dtype))
        return outputs.float()

    def discard(self) -> None:
        """Drop gradients that an update which failed has left."""
        for weight in [*self.weights.values(), *self.used.values()]:
            weight.grad = None
        for model in self.models:
            model.zero_grad()

    def _used(self, weight: Tensor) -> Tensor:
        """What the products take of a stacked weight: itself, or a bfloat16 copy."""
        if self.dtype == weight.dtype:
            return weight
        return weight.detach().to(self.dtype).requires_grad_(weight.requires_grad)

    def _constants(self) -> dict[str, Tensor]:
        """Every model's buffers, stacked, in the products' precision."""
        named = [dict(model.named_buffers()) for model in self.models]
        stacks = {name: torch.stack([own[name] for own in named]) for name in named[0] if name.startswith(NETWORKS)}
        return {name: own.to(self.dtype) if own.is_floating_point() else own for name, own in stacks.items()}

    def _collect_gradients(self) -> None:
        """Bring the gradients of copies, and of the latent spaces' own weights, to the stacked ones."""
        for name, weight in self.weights.items():
            used, slices = self.used.get(name), self.slices[name]
            if used is None and slices[0].grad is not None:
                weight.grad = torch.stack([cast(Tensor, slice.grad) for slice in slices])
            elif used is not None and used is not weight and used.grad is not None:
                weight.grad, used.grad = used.grad.float(), None
            for slice in slices:
                slice.grad = None

    @torch.no_grad()
    def _refresh(self) -> None:
        """Renew the copies, and give the members Adam's moments once there are any."""
        copies = {name: used for name, used in self.used.items() if used is not self.weights[name]}
        if copies:
            torch._foreach_copy_(list(copies.values()), [self.weights[name] for name in copies])
        if not self.members[0].optimizer.state:
            self._share_moments()

    def _stack_moments(self) -> None:
        """Take over the members' moments, where they have been updated before."""
        for name, slices in self.slices.items():
            states = [member.optimizer.state.get(own, {}) for member, own in zip(self.members, slices, strict=True)]
            joint = {key: torch.stack([state[key] for state in states]) for key in states[0]}
            if joint:
                self.optimizer.state[self.weights[name]] = joint | {"step": states[0]["step"].clone()}
        self._share_moments()

    def _share_moments(self) -> None:
        """Make the members' moments slices of the stacked ones."""
        for name, weight in self.weights.items():
            state = self.optimizer.state.get(weight, {})
            for index, (member, own) in enumerate(zip(self.members, self.slices[name], strict=True)):
                if state:
                    moments = {key: value if key == "step" else value[index] for key, value in state.items()}
                    member.optimizer.state[own] = moments


def stacked(slices: Sequence[torch.nn.Parameter]) -> Tensor:
    """A leaf (S, ...) that holds the values of S parameters, which become its slices."""
    joint = torch.stack([own.detach() for own in slices])
    for own, part in zip(slices, joint, strict=True):
        own.data = part
    return joint.requires_grad_(slices[0].requires_grad)


def require_stackable(model: VAE) -> None:
    """UsageError where networks cannot run as batched products: each seed needs noise or statistics of its own."""
    for layer in model.modules():
        if (isinstance(layer, _DropoutNd) and layer.training) or has_statistics(layer):
            what = f"networks with {type(layer).__name__} cannot be trained for several seeds at the same time"
            raise UsageError(what, "train them one after another (--no-together)")


def objective_of(member: EagerStep) -> PassObjective:
    """A member's objective, which must be one that a group can train."""
    assert isinstance(member.objective, PassObjective)
    return member.objective
