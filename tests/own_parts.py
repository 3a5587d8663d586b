"""A module with a network ``flat`` and an objective ``squared_kl`` of a user's own, as text for a file."""

NETWORK_AND_OBJECTIVE = '''
from torch import nn

from submission.models.networks import NETWORKS, Networks
from submission.objectives import OBJECTIVES
from submission.objectives.beta_vae import BetaVAE


class SquaredKL(BetaVAE):
    """Its own penalty."""

    def penalty(self, kl, coefficients):
        return coefficients["beta"] * (kl * self.weights).sum(-1).square().mean()


def encoder(image_shape, outputs):
    height, width, channels = image_shape
    return nn.Sequential(nn.Flatten(), nn.Linear(height * width * channels, outputs))


def decoder(inputs, image_shape):
    height, width, channels = image_shape
    pixels = nn.Linear(inputs, height * width * channels)
    return nn.Sequential(pixels, nn.Unflatten(1, (channels, height, width)))


OBJECTIVES["squared_kl"] = SquaredKL
NETWORKS["flat"] = Networks(encoder, decoder)
'''
TRAIN = (
    *("--config=demo", "--bind=model.networks='flat'", "--bind=objective.name='squared_kl'"),
    *("--bind=train.batch_size=16", "--bind=export.mode=''", "--precision=float32", "--device=cpu"),
)
"""Options of ``train`` that use them."""
