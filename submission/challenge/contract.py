"""The contract of the NeurIPS 2019 disentanglement challenge, as data."""

from __future__ import annotations

CHALLENGE = "aicrowd-neurips-2019-disentanglement-challenge"
TAG_PREFIX = "submission-"
IMAGE_SIZE = 64

CHANNELS = {
    "dsprites_full": 1,
    "dsprites_noshape": 1,
    "smallnorb": 1,
    "color_dsprites": 3,
    "noisy_dsprites": 3,
    "scream_dsprites": 3,
    "cars3d": 3,
    "shapes3d": 3,
    "mpi3d_toy": 3,
    "mpi3d_realistic": 3,
    "mpi3d_real": 3,
}
"""Data set of disentanglement_lib → channels of its 64x64 images."""

METRICS = {
    "dci": "disentanglement",
    "factor_vae": "eval_accuracy",
    "mig": "discrete_mig",
    "sap": "SAP_score",
    "irs": "IRS",
}
"""The five metrics that the challenge combined → the value of each that it took; higher is better."""

FACTOR_VAE_ENCODINGS = 970_000
PRUNING_THRESHOLD = 0.05
