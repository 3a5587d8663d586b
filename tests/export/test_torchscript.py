"""The exported file is the eager encoder, whoever loads it; nothing else is ever loaded."""

from __future__ import annotations

import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from submission.errors import SubmissionError, UsageError
from submission.export.folder import write_representation
from submission.export.inspection import baked_constants
from submission.export.parity import difference, evaluator_images
from submission.export.representation import Representation
from submission.export.torchscript import (
    export_torchscript,
    load_torchscript,
    traced,
)
from submission.latent import parse
from submission.models.vae import VAE, build
from submission.run import Run

MakeVae = Callable[..., VAE]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("network", ["conv", "mlp_small"])
def test_the_file_equals_the_encoder_at_any_batch_size(
    make_vae: MakeVae, tmp_path: Path, channels: int, network: str
) -> None:
    model = make_vae(channels, network)
    export_torchscript(model, "mean", tmp_path / "model.pt")
    loaded = load_torchscript(tmp_path / "model.pt")
    eager = Representation(model.encoder, model.space, "mean").eval()
    for count in (1, 2, 5, 8, 16, 64, 100):
        images = evaluator_images(count, (channels, 64, 64))
        assert count == 1 or channels == 1 or not images.is_contiguous()
        assert difference(eager, loaded, images) < 1e-6


def test_the_file_names_no_layer_of_ours(make_vae: MakeVae, tmp_path: Path) -> None:
    export_torchscript(make_vae(network="mlp_small"), "mean", tmp_path / "model.pt")
    with zipfile.ZipFile(tmp_path / "model.pt") as archive:
        names = archive.namelist()
    assert any("torch/nn/modules/linear" in name for name in names)
    assert not any("submission/models" in name for name in names)


def test_the_model_is_left_as_it_was(make_vae: MakeVae, tmp_path: Path) -> None:
    model = make_vae().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    export_torchscript(model, "mean", tmp_path / "model.pt")
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_sampled_codes_follow_the_generator(make_vae: MakeVae, tmp_path: Path) -> None:
    export_torchscript(make_vae(), "sample", tmp_path / "model.pt")
    loaded, images = load_torchscript(tmp_path / "model.pt"), evaluator_images(4, (1, 64, 64))
    assert not torch.equal(loaded(images), loaded(images))
    assert difference(loaded, loaded, images) == 0


@pytest.mark.parametrize("mode", ["frozen", "nan"])
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")  # the mistake under test
def test_an_export_that_differs_leaves_the_old_file(make_vae: MakeVae, tmp_path: Path, mode: str) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(b"old")
    with pytest.raises(SubmissionError, match=r"model\.pt differs from the encoder"):
        export_torchscript(make_vae(), mode, path)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"old"]


def test_an_unknown_mode_names_the_modes(make_vae: MakeVae, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"stand-in has no export mode 'median'.*mean, sample"):
        export_torchscript(make_vae(), "median", tmp_path / "model.pt")
    assert not list(tmp_path.iterdir())


def test_the_representation_folder_is_complete(make_vae: MakeVae, tmp_path: Path) -> None:
    folder = Run(tmp_path / "run")
    write_representation(folder, make_vae(), "mean")
    assert folder.exported_file.is_file()
    assert list((folder.representation_folder / "results").iterdir()) == []


STRANGER = """
import sys
import numpy as np, torch
assert not any(name.startswith("submission") for name in sys.modules)
sys.modules["submission"] = None
module = torch.jit.load(sys.argv[1]).cpu()
pixels = np.load(sys.argv[2])
codes = [module(torch.from_numpy(np.moveaxis(pixels[i : i + 16], 3, 1)).float()).cpu().numpy()
         for i in range(0, len(pixels), 16)]
np.save(sys.argv[3], np.concatenate(codes))
"""


def test_a_process_without_the_package_gets_the_same_codes(make_vae: MakeVae, tmp_path: Path) -> None:
    model = make_vae(3)
    export_torchscript(model, "mean", tmp_path / "model.pt")
    pixels = np.random.RandomState(0).rand(40, 64, 64, 3)
    np.save(tmp_path / "pixels.npy", pixels)
    arguments = [str(tmp_path / name) for name in ("model.pt", "pixels.npy", "codes.npy")]
    subprocess.run([sys.executable, "-I", "-c", STRANGER, *arguments], cwd=tmp_path, check=True)
    images = torch.from_numpy(np.moveaxis(pixels, 3, 1)).float()
    expected = Representation(model.encoder, model.space, "mean").eval()(images).detach().numpy()
    np.testing.assert_allclose(np.load(tmp_path / "codes.npy"), expected, atol=1e-6)


def bad_files(folder: Path, model: VAE) -> dict[str, str]:
    """Files that are no TorchScript, and a word that each error must hold."""
    export_torchscript(model, "mean", folder / "good")
    whole = (folder / "good").read_bytes()
    (folder / "truncated").write_bytes(whole[: len(whole) // 2])
    (folder / "empty").write_bytes(b"")
    (folder / "pickle").write_bytes(pickle.dumps({"a": 1}))
    torch.save(model.state_dict(), folder / "weights")
    np.savez(folder / "arrays.npz", a=np.zeros(3))
    (folder / "folder").mkdir()
    words = {"truncated": "truncated", "empty": "truncated", "pickle": "not a torch archive", "weights": "torch.save"}
    return words | {"arrays.npz": "another kind", "folder": "not a file", "missing": "does not exist"}


def test_files_other_than_torchscript_are_refused_in_one_line(make_vae: MakeVae, tmp_path: Path) -> None:
    for name, word in bad_files(tmp_path, make_vae(network="mlp_small")).items():
        with pytest.raises(SubmissionError, match=word) as caught:
            load_torchscript(tmp_path / name)
        assert str(tmp_path / name) in str(caught.value)
        assert "\n" not in str(caught.value)


class Trap:
    """Unpickling this creates a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (open, (str(self.target), "w"))


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    torch.save(Trap(tmp_path / "sprung"), tmp_path / "trap.pt")
    with pytest.raises(SubmissionError, match=r"torch\.save"):
        load_torchscript(tmp_path / "trap.pt")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")  # the mistake under test
def test_baked_constants_are_seen(make_vae: MakeVae, tmp_path: Path) -> None:
    class Baked(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            flat = images.flatten(1)[:, :3]
            return flat * torch.tensor([1.0, 2.0, 3.0]) + torch.zeros(flat.shape[0], 3)

    (tmp_path / "baked.pt").write_bytes(traced(Baked(), (1, 8, 8)))
    found = " ".join(baked_constants(load_torchscript(tmp_path / "baked.pt")))
    assert "(3,)" in found
    assert "aten::zeros" in found
    export_torchscript(make_vae(), "mean", tmp_path / "model.pt")
    assert baked_constants(load_torchscript(tmp_path / "model.pt")) == []


def test_the_same_model_exported_again_keeps_its_file(tmp_path: Path) -> None:
    """torch counts classes in their names; a new hash would make the scores of the file those of another model."""
    vae, path = build("mlp_small", parse("S^2 x T^2"), (64, 64, 1)), tmp_path / "model.pt"
    export_torchscript(vae, "mean", path)
    before = path.read_bytes()
    export_torchscript(build("conv", parse("S^2"), (64, 64, 1)), "mean", tmp_path / "other.pt")
    export_torchscript(vae, "mean", path)
    assert path.read_bytes() == before
    with torch.no_grad():
        next(vae.parameters()).add_(1e-3)
    export_torchscript(vae, "mean", path)
    assert path.read_bytes() != before
    for damaged in (b"", before[:1000], before[:-200], b"PK" + before):
        path.write_bytes(damaged)
        export_torchscript(vae, "mean", path)
        load_torchscript(path)
