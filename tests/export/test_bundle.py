"""Every format gives the eager encoder's codes at any batch size."""

from __future__ import annotations

import argparse
import copy
import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from submission.cli.main import command
from submission.errors import SubmissionError, UsageError
from submission.export.bundle import write_bundle
from submission.export.folder import write_representation
from submission.export.formats import FORMATS, write_format
from submission.export.parity import evaluator_images
from submission.export.representation import Representation
from submission.export.torchscript import export_torchscript, load_torchscript
from submission.files import read_json
from submission.latent import parse
from submission.models.vae import VAE, build
from submission.run import DatasetMeta, Run, RunMeta

INSTALLED = [
    name
    for name, entry in FORMATS.items()
    if all(importlib.util.find_spec(package) is not None for package in entry.needs)
]


def started(path: Path) -> Run:
    """A run folder with the least that an export needs."""
    folder = Run(path)
    folder.write_meta(RunMeta(dataset=DatasetMeta("dsprites_full")))
    folder.config_file.write_text("train.seed = 0\n")
    return folder


@pytest.mark.parametrize(("spec", "channels"), [("S^3", 3)])
def test_all_formats_agree(tmp_path: Path, spec: str, channels: int) -> None:
    model = build("conv", parse(spec), (64, 64, channels))
    folder = started(tmp_path)
    mode = model.space.export_modes[0]
    differences = write_bundle(folder, model, mode, INSTALLED)
    assert list(differences) == INSTALLED
    assert all(gap is not None and gap <= 1e-5 for gap in differences.values())
    about = read_json(tmp_path / "export" / "meta.json")
    assert about["input"]["shape"] == ["batch", channels, 64, 64]
    assert about["representation"]["width"] == model.space.width(mode)
    assert about["exported"]["versions"]["torch"] == torch.__version__
    assert (tmp_path / "export" / "config.gin").read_text() == "train.seed = 0\n"


def retrained(model: VAE) -> VAE:
    """``model`` with other weights."""
    other = copy.deepcopy(model)
    with torch.no_grad():
        for weight in other.parameters():
            weight.add_(0.1)
    return other


def test_a_run_exported_in_another_mode_records_it_and_so_does_its_untrained_encoder(tmp_path: Path) -> None:
    """Else scores by block would take the first columns of the new codes for angles."""
    fresh = build("mlp_small", parse("T^2"), (64, 64, 1))
    folder = started(tmp_path)
    write_representation(folder, fresh, "intrinsic")
    export_torchscript(fresh, "intrinsic", folder.untrained_file)
    write_bundle(folder, retrained(fresh), "ambient", ["pt"])
    described = folder.meta.representation
    assert (described.mode, described.width) == ("ambient", 4)
    assert [(block.start, block.stop) for block in described.blocks] == [(0, 2), (2, 4)]
    images = evaluator_images(3, (1, 64, 64))
    expected = Representation(fresh.encoder, fresh.space, "ambient").eval()(images)
    assert torch.equal(load_torchscript(folder.untrained_file)(images), expected)


def test_an_untrained_encoder_of_other_networks_is_an_error(tmp_path: Path) -> None:
    folder = started(tmp_path)
    export_torchscript(build("conv", parse("T^2"), (64, 64, 1)), "intrinsic", folder.untrained_file)
    with pytest.raises(SubmissionError, match=r"untrained\.pt does not match the run's encoder — delete it"):
        write_bundle(folder, build("mlp_small", parse("T^2"), (64, 64, 1)), "ambient", ["pt"])


def test_the_check_compares_different_files(make_vae: Callable[..., VAE], tmp_path: Path) -> None:
    """Weights of another model under the same name must be noticed."""
    first, second = (Representation(vae.encoder, vae.space, "mean").eval() for vae in (make_vae(), make_vae()))
    path = write_format("safetensors", first, (1, 64, 64), tmp_path)
    images = evaluator_images(3, (1, 64, 64))
    read = FORMATS["safetensors"].read(path, second)
    assert read is not None
    assert torch.equal(read(images), first(images))
    assert not torch.equal(read(images), second(images))


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")  # the mistake under test
def test_a_file_that_differs_is_removed(make_vae: Callable[..., VAE], tmp_path: Path) -> None:
    with pytest.raises(SubmissionError, match=r"pytorch_model\.pt differs|cannot export"):
        write_bundle(started(tmp_path), make_vae(), "frozen", ["pt"])
    assert not (tmp_path / "representation" / "pytorch_model.pt").exists()


def test_sampled_codes_are_for_torchscript_only(make_vae: Callable[..., VAE], tmp_path: Path) -> None:
    folder = started(tmp_path)
    with pytest.raises(SubmissionError, match="sampled codes cannot be checked as onnx"):
        write_bundle(folder, make_vae(), "sample", ["pt", "onnx"])
    assert write_bundle(folder, make_vae(), "sample", ["pt"]) == {"pt": 0.0}


def test_unknown_formats_are_errors(make_vae: Callable[..., VAE], tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    command("export").add_arguments(parser)
    with pytest.raises(UsageError, match=r"unknown format 'tflite' — choose from pt, pt2, onnx, safetensors"):
        command("export").run(parser.parse_args([str(tmp_path), "--formats", "tflite"]))
    with pytest.raises(SubmissionError, match="is not a run folder"):
        command("export").run(parser.parse_args([str(tmp_path)]))
