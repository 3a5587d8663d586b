"""Our default settings are those of the study's own configuration files."""

from __future__ import annotations

from pathlib import Path

import pytest

from submission import reference
from submission.metrics.registry import metric
from submission.reference.compatibility import gin

FILES = {
    "mig": "mig",
    "factor_vae": "factor_vae_metric",
    "sap": "sap_score",
    "dci": "dci",
    "beta_vae": "beta_vae_sklearn",
    "modularity": "modularity_explicitness",
    "unsupervised": "unsupervised",
}


@pytest.mark.parametrize("name", FILES)
def test_defaults_are_the_study_s(name: str) -> None:
    where = reference.METRICS[name]
    package = Path(reference.module(f"evaluation.metrics.{where.module}").__file__ or "").parents[2]
    folder = package / "config" / "unsupervised_study_v1" / "metric_configs"
    settings = metric(name).settings
    private = gin()
    reference.module("data.ground_truth.named_data")
    private.clear_config()
    private.parse_config((folder / f"{FILES[name]}.gin").read_text(), skip_unknown=True)
    try:
        bound = {key: value for (_, target), b in private.config._CONFIG.items() for key, value in b.items()}
        compared = set(bound) & set(vars(settings)) | ({"threshold"} & set(bound))
        assert compared
        for key in compared:
            assert bound[key] == getattr(settings, "prune_threshold" if key == "threshold" else key), key
    finally:
        private.clear_config()
