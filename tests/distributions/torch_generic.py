"""Torch's own generic tests of distributions with this package's classes in place of torch's.

    python -m tests.distributions.torch_generic FOLDER/test_distributions.py

The file is in torch's sources (Debian's source package ``pytorch``, ``test/distributions``) and not in its wheel; it
needs ``expecttest``. Prints how many checks pass, and every one that does not.
"""

from __future__ import annotations

import importlib
import sys
import unittest
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, tensor
from torch.nn.functional import normalize

from submission import distributions as ours
from submission.distributions.torus_coordinates import point_of

TESTS = {
    "TestDistributions": (
        *("test_repr", "test_sample_detached", "test_rsample_requires_grad", "test_enumerate_support_type"),
        *("test_support_attributes", "test_distribution_expand", "test_distribution_subclass_expand", "test_mode"),
    ),
    "TestDistributionShapes": ("test_entropy_shape",),
    "TestConstraints": ("test_params_constraints", "test_support_constraints"),
    "TestValidation": ("test_valid", "test_invalid_log_probs_arg", "test_invalid"),
    "TestJit": (
        *("test_sample", "test_rsample", "test_log_prob", "test_enumerate_support"),
        *("test_mean", "test_variance", "test_entropy", "test_cdf"),
    ),
}


class Example(NamedTuple):
    """A class and its arguments, as torch's tests want them."""

    Dist: Any
    params: list[dict[str, Any]]


def unit(*shape: int) -> Tensor:
    """Points on a sphere."""
    return normalize(torch.randn(*shape, dtype=torch.get_default_dtype()), dim=-1)


def circles(*shape: int) -> Tensor:
    """Points on flat tori (..., 2 × circles)."""
    return unit(*shape[:-1], shape[-1] // 2, 2).flatten(-2)


def on_torus(*shape: int) -> Tensor:
    """Points on the torus of revolution."""
    return point_of(torch.randn(shape), torch.randn(shape), (2.0, 1.0))


def good() -> list[Example]:
    """Two or three examples of every class, without and with a batch."""
    torch.manual_seed(0)
    few, one, kappas = tensor([0.1, 0.2, 0.3, 0.4]), tensor(0.3), tensor([0.1, 2.0, 30.0, 4.0])
    sphere = [{"loc": unit(3), "time": one}, {"loc": unit(4, 2), "time": few}]
    sphere.append({"loc": unit(2, 3, 5), "time": tensor([[0.3], [0.1]]).expand(2, 3)})
    directions = [{"loc": unit(3), "concentration": tensor(3.0)}, {"loc": unit(4, 5), "concentration": kappas}]
    subspaces = {"exponents": tensor([2.0, 1.5])}
    return [
        Example(ours.SphereBrownian, sphere),
        Example(ours.ProjectiveBrownian, [{"loc": unit(3), "time": one}, {"loc": unit(4, 4), "time": few}]),
        Example(ours.RotationBrownian, [{"loc": unit(4), "time": one}, {"loc": unit(4, 4), "time": few}]),
        Example(
            ours.TorusBrownian,
            [
                {"loc": circles(4), "time": tensor([0.3, 0.2])},
                {"loc": circles(5, 6), "time": torch.rand(5, 3) + 0.1},
            ],
        ),
        Example(
            ours.EmbeddedTorusBrownian,
            [{"loc": on_torus(), "time": one}, {"loc": on_torus(3), "time": tensor([0.4, 0.2, 0.01])}],
        ),
        Example(ours.VonMisesFisher, directions),
        Example(ours.PowerSpherical, directions),
        Example(ours.SphereUniform, [{"dim": 2}, {"dim": 4, "batch_shape": (2, 3)}]),
        Example(ours.ProjectiveUniform, [{"dim": 2}, {"dim": 4, "batch_shape": (2, 3)}]),
        Example(ours.RotationUniform, [{}, {"batch_shape": (2,)}]),
        Example(ours.TorusUniform, [{"circles": 2}, {"circles": 3, "batch_shape": (2,)}]),
        Example(ours.EmbeddedTorusUniform, [{}, {"batch_shape": (2,)}]),
        Example(
            ours.IndependentSubspaces,
            [
                {"sizes": [2, 2], "root_exponent": 2.1, **subspaces},
                {"sizes": [1, 3], "root_exponent": 1.5, **subspaces},
            ],
        ),
    ]


def bad() -> list[Example]:
    """Arguments that every class refuses."""
    torch.manual_seed(0)
    short, one, zero = tensor([0.4, 0.0, 0.0]), tensor(0.3), tensor(0.0)
    nan = tensor([float("nan"), 0.0, 0.0])
    sphere = [{"loc": short, "time": one}, {"loc": unit(3), "time": -one}, {"loc": nan, "time": one}]
    directions = [{"loc": short, "concentration": one}, {"loc": unit(3), "concentration": -one}]
    longer, pairs = tensor([0.4, 0.0, 0.0, 0.0]), tensor([0.4, 0.0, 0.0, 1.0])
    return [
        Example(ours.SphereBrownian, sphere),
        Example(ours.ProjectiveBrownian, [{"loc": short, "time": one}, {"loc": unit(3), "time": zero}]),
        Example(ours.RotationBrownian, [{"loc": longer, "time": one}, {"loc": unit(4), "time": zero}]),
        Example(
            ours.TorusBrownian,
            [{"loc": pairs, "time": tensor([0.3, 0.3])}, {"loc": circles(4), "time": tensor([0.0, 1.0])}],
        ),
        Example(ours.EmbeddedTorusBrownian, [{"loc": short, "time": one}, {"loc": on_torus(), "time": zero}]),
        Example(ours.VonMisesFisher, directions),
        Example(ours.PowerSpherical, directions),
        Example(ours.SphereUniform, [{"dim": -1}, {"dim": 0}]),
        Example(ours.ProjectiveUniform, [{"dim": -1}]),
        Example(ours.TorusUniform, [{"circles": 0}]),
        Example(ours.EmbeddedTorusUniform, [{"radii": (1.0, 2.0)}]),
        Example(
            ours.IndependentSubspaces,
            [
                {"sizes": [2], "exponents": tensor([-1.0]), "root_exponent": 2.0},
                {"sizes": [2], "exponents": tensor([1.0]), "root_exponent": -2.0},
            ],
        ),
    ]


def failure(module: Any, group: str, name: str, example: Example) -> str:
    """Why one test of torch's fails for one example; empty where it passes or does not apply."""
    module._get_examples = module._get_bad_examples = lambda: [example]
    test = getattr(module, group)(name)
    try:
        test.setUp()
        getattr(test, name)()
        test.tearDown()
    except unittest.SkipTest:
        return ""
    except Exception as error:  # noqa: BLE001 - what is counted
        return f"{type(error).__name__}: {next(iter(str(error).strip().splitlines()), '')}"[:170]
    return ""


def main() -> int:
    """Run every test with every example."""
    path = Path(sys.argv[1])
    sys.path.insert(0, str(path.parent))
    module = importlib.import_module(path.stem)
    warnings.simplefilter("ignore")
    total, failed = 0, []
    for group, name in ((group, name) for group, names in TESTS.items() for name in names):
        for kind, every in bad() if name == "test_invalid" else good():
            for number, arguments in enumerate(every):
                total += 1
                if why := failure(module, group, name, Example(kind, [arguments])):
                    failed.append(f"{group}.{name} {kind.__name__} {number}: {why}")
    sys.stdout.write(f"{total - len(failed)} of {total} pass\n" + "".join(f"{line}\n" for line in failed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
