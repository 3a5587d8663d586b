"""Updates whose matrix products run in bfloat16, with float32 weights behind them."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from submission.configuration.settings import TrainSettings
from submission.models.vae import VAE
from submission.objectives import Coefficients, Objective, Terms
from submission.objectives.adam import advance
from submission.training.step import EagerStep, has_statistics


class MixedStep(EagerStep):
    """bfloat16 copies of the networks do the products; Adam updates the float32 weights and renews the copies.

    Against autocast this saves one cast of every weight and of every weight's gradient per product. Latent space,
    densities, loss sums and the optimiser's state stay in float32 (Micikevicius et al., Mixed precision training,
    2018, section 3.1: a float32 master copy of the weights; bfloat16 needs no loss scaling). Copies of convolutions lie
    channels-last in memory, hence their gradients do; the optimiser's kernels want them laid out as the weights are
    (the CPU's walks memory without looking at strides). Batch normalisation is not copied: its statistics, which the
    export needs, are those of the model itself.

    Args:
        model, objective: float32, on the training device already; ``model`` always holds the master weights.
        settings: the optimiser's numbers.
    """

    def __init__(self, model: VAE, objective: Objective, settings: TrainSettings) -> None:
        super().__init__(model, objective, settings)
        self.replica = _replica(model)
        pairs = [*_copied(model.encoder, self.replica.encoder), *_copied(model.decoder, self.replica.decoder)]
        self.masters: list[Tensor] = [master for master, _ in pairs]
        self.copies: list[Tensor] = [weight for _, weight in pairs]

    def __call__(self, images: Tensor, coefficients: Coefficients) -> Terms:
        """One update."""
        terms = self.objective.terms(self.replica, images, coefficients)
        terms.loss.backward()
        for master, weight in zip(self.masters, self.copies, strict=True):
            master.grad = None if weight.grad is None else torch.empty_like(master).copy_(weight.grad)
            weight.grad = None
        advance(self.optimizer, coefficients.get("learning_rate"))
        self._renew()
        self.follow(coefficients)
        self.objective.update()
        return terms

    def discard(self) -> None:
        """Drop gradients, those of the copies, too."""
        super().discard()
        self.replica.zero_grad()

    def restore(self, state: dict[str, Any]) -> None:
        """Load state dicts; they are those of the float32 step."""
        super().restore(state)
        self._renew()

    def _renew(self) -> None:
        with torch.no_grad():
            torch._foreach_copy_(self.copies, self.masters)


def make_step(model: VAE, objective: Objective, settings: TrainSettings, precision: str) -> EagerStep:
    """The step for ``precision``, ``float32`` or ``bfloat16``."""
    return (MixedStep if precision == "bfloat16" else EagerStep)(model, objective, settings)


class _InBfloat16(nn.Module):
    """A network that computes in bfloat16 and takes and gives float32."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).bfloat16()
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        for name, layer in network.named_modules():
            if has_statistics(layer):  # float32 weights and statistics, bfloat16 in and out
                self.network.set_submodule(name, layer)

    def forward(self, inputs: Tensor) -> Tensor:
        """Any shape in, the network's shape out, float32; images are laid out channels-last for convolutions."""
        layout = torch.channels_last if inputs.ndim == 4 else torch.contiguous_format
        outputs: Tensor = self.network(inputs.to(torch.bfloat16, memory_format=layout))
        return outputs.float()


def _copied(network: nn.Module, replica: nn.Module) -> list[tuple[Tensor, Tensor]]:
    """Weights of ``network`` with their copies in its ``replica``, those that have one."""
    copies = dict(replica.get_submodule("network").named_parameters())
    pairs = [(weight, copies[name]) for name, weight in network.named_parameters() if name in copies]
    return [(weight, own) for weight, own in pairs if own is not weight]


def _replica(model: VAE) -> VAE:
    """``model`` with bfloat16 networks around the *same* latent space."""
    encoder, decoder = _InBfloat16(model.encoder), _InBfloat16(model.decoder)
    return VAE(encoder, model.space, decoder, model.image_shape, model.likelihood, model.variance)
