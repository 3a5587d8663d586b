"""One contender of the training benchmark in a process of its own; prints images per second.

Every contender trains the same VAE (10 Gaussian latents, Bernoulli decoder) on dSprites with Adam, with the loss of the
β-VAE or of β-TCVAE. Run by ``benchmarks/training.py``, which interleaves them.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from submission import data
from submission.configuration.settings import DataSettings, ModelSettings, ObjectiveSettings, Settings, TrainSettings
from submission.latent import parse
from submission.models.vae import VAE, build

Measure = Callable[[str, int, float, str], float]  # networks, batch size, seconds, objective → images per second
LATENTS = 10
BETA = 6.0
START = 15.0
"""Seconds for rendering the data and writing the first files; the rate is that of the log, without them."""
IMAGES = 737_280
HELD = 20 * 1024
"""Images that the peers hold as floats; they could not hold all 737,280."""


def ours(precision: str) -> Measure:
    """The package's own training, from settings to run folder; the rate of its log after the first window."""

    def measure(networks: str, batch_size: int, seconds: float, objective: str) -> float:
        from submission.training import train

        steps = TrainSettings(
            steps=10**6, batch_size=batch_size, precision=precision, log_every=max(1, 2048 // batch_size)
        )
        loss = ObjectiveSettings(objective, {"beta": BETA})
        settings = Settings(steps, DataSettings("dsprites_full"), ModelSettings(f"R^{LATENTS}", networks), loss)
        with tempfile.TemporaryDirectory() as folder:
            run = train(settings, Path(folder) / "run", time_budget=seconds + START)
            rates = [json.loads(line)["images_per_second"] for line in run.log_file.read_text().splitlines()]
        return statistics.median(rates[1:] or rates)

    return measure


def bare(autocast: bool) -> Measure:
    """The loop that one writes by hand: float images in memory, autograd, Adam."""

    def measure(networks: str, batch_size: int, seconds: float, objective: str) -> float:
        model, images = peer_model(networks), float_images()
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

        def step() -> None:
            batch = images[torch.randint(len(images), (batch_size,))]
            with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
                mean, log_variance = model.encoder(batch).chunk(2, dim=1)
                z = mean + (log_variance / 2).exp() * torch.randn_like(mean)
                logits = model.decoder(z)
                reconstruction = F.binary_cross_entropy_with_logits(logits, batch, reduction="sum")
                if objective == "beta_tcvae":
                    kl = bare_penalty(z, mean.float(), log_variance.float())
                else:
                    kl = -0.5 * BETA * (1 + log_variance - mean**2 - log_variance.exp()).sum()
                loss = (reconstruction + kl) / batch_size
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

        return batch_size / median_seconds(step, seconds)

    return measure


def bare_penalty(z: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """MI + β·TC + dimension-wise KL of a batch as one writes it: a table of all densities, equal weights."""
    count = len(z)
    table = torch.distributions.Normal(mean, (log_variance / 2).exp(), validate_args=False).log_prob(z[:, None])
    joint = torch.logsumexp(table.sum(-1), 1) - math.log(count * IMAGES)
    marginals = (torch.logsumexp(table, 1) - math.log(count * IMAGES)).sum(-1)
    own = table.diagonal().sum(0)
    prior = torch.distributions.Normal(0.0, 1.0, validate_args=False).log_prob(z).sum(-1)
    return ((own - joint) + BETA * (joint - marginals) + (marginals - prior)).sum()


def products(dtype: torch.dtype, adam: bool = False) -> Measure:
    """The matrix products of one update and nothing else, or Adam's pass over the float32 weights as well.

    The first is the bound for networks of linear layers; the second for training them with Adam.
    """

    def measure(networks: str, batch_size: int, seconds: float, objective: str) -> float:
        model = peer_model(networks)
        layers = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
        triples = [operands(layer, batch_size, dtype) for layer in layers]
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
        for weight in model.parameters():
            weight.grad = torch.zeros_like(weight)

        def step() -> None:
            for number, (inputs, weights, gradients) in enumerate(triples):
                inputs @ weights.t()
                gradients.t() @ inputs
                if number:  # nothing flows back into the images
                    gradients @ weights
            if adam:
                optimizer.step()

        return batch_size / median_seconds(step, seconds)

    return measure


def pythae(networks: str, batch_size: int, seconds: float, objective: str) -> float:
    """pythae's BaseTrainer (Chadebec et al., 2022) on the same networks; one epoch over the held images."""
    from pythae import models
    from pythae.data.datasets import BaseDataset
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder
    from pythae.trainers import BaseTrainer, BaseTrainerConfig

    ours = peer_model(networks)

    class Encoder(BaseEncoder):
        def __init__(self) -> None:
            super().__init__()
            self.network = ours.encoder

        def forward(self, x: Tensor) -> ModelOutput:
            mean, log_variance = self.network(x).chunk(2, dim=1)
            return ModelOutput(embedding=mean, log_covariance=log_variance)

    class Decoder(BaseDecoder):
        def __init__(self) -> None:
            super().__init__()
            self.network = ours.decoder

        def forward(self, z: Tensor) -> ModelOutput:
            return ModelOutput(reconstruction=torch.sigmoid(self.network(z)))

    kind, model_class = {
        "beta_vae": (models.BetaVAEConfig, models.BetaVAE),
        "beta_tcvae": (models.BetaTCVAEConfig, models.BetaTCVAE),
    }[objective]
    config = kind(input_dim=(1, 64, 64), latent_dim=LATENTS, reconstruction_loss="bce", beta=BETA)
    images = float_images()
    with tempfile.TemporaryDirectory() as folder:
        settings = BaseTrainerConfig(folder, per_device_train_batch_size=batch_size, learning_rate=1e-3, no_cuda=True)
        dataset = BaseDataset(images, torch.zeros(len(images)))
        trainer = BaseTrainer(model_class(config, Encoder(), Decoder()), dataset, training_config=settings)
        trainer.prepare_training()
        start, epochs = time.perf_counter(), 0
        while epochs == 0 or time.perf_counter() - start < seconds:
            epochs += 1
            trainer.train_step(epochs)
        return epochs * len(images) / (time.perf_counter() - start)


def peer_model(networks: str) -> VAE:
    """The VAE that every contender trains."""
    torch.manual_seed(0)
    return build(networks, parse(f"R^{LATENTS}"), (64, 64, 1))


def float_images() -> Tensor:
    """Evenly spaced dSprites images (HELD, 1, 64, 64) as floats."""
    dataset = data.load("dsprites_full")
    indices = torch.linspace(0, len(dataset) - 1, HELD).long().numpy()
    return torch.from_numpy(dataset.images(indices)).movedim(3, 1).float().contiguous()


def operands(layer: nn.Linear, batch_size: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs (n, i), weights (o, i) and output gradients (n, o) of a layer."""
    inputs = torch.randn(batch_size, layer.in_features, dtype=dtype)
    return inputs, layer.weight.detach().to(dtype), torch.randn(batch_size, layer.out_features, dtype=dtype)


def median_seconds(step: Callable[[], None], seconds: float) -> float:
    """Median duration of ``step`` over about ``seconds``, after two that are not counted."""
    step()
    step()
    begun, durations = time.perf_counter(), []
    while not durations or time.perf_counter() - begun < seconds:
        start = time.perf_counter()
        step()
        durations.append(time.perf_counter() - start)
    return statistics.median(durations)


CONTENDERS: dict[str, Measure] = {
    "ours float32": ours("float32"),
    "ours bfloat16": ours("bfloat16"),
    "bare loop float32": bare(autocast=False),
    "bare loop bfloat16 autocast": bare(autocast=True),
    "pythae BaseTrainer": pythae,
    "products alone float32": products(torch.float32),
    "products alone bfloat16": products(torch.bfloat16),
    "products and Adam bfloat16": products(torch.bfloat16, adam=True),
}


def main() -> int:
    """Measure one contender."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contender", choices=CONTENDERS)
    parser.add_argument("--networks", default="mlp")
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--objective", choices=("beta_vae", "beta_tcvae"), default="beta_vae")
    parser.add_argument("--seconds", type=float, default=8)
    given = parser.parse_args()
    print(CONTENDERS[given.contender](given.networks, given.batch_size, given.seconds, given.objective))
    return 0


if __name__ == "__main__":
    sys.exit(main())
