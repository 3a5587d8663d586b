"""Runs that differ in nothing but their seed are one method, whatever their folders; sweeps have their own names."""

from __future__ import annotations

from pathlib import Path

from submission.run import Run, RunMeta
from submission.run.methods import LABEL, method_names
from submission.run.naming import name_methods, read_settings


def run_of(path: Path, seed: int = 0, *lines: str) -> Run:
    """A run with settings."""
    run = Run(path)
    run.write_meta(RunMeta(seed=seed))
    run.config_file.write_text("\n".join(["objective.name = 'beta_vae'", f"train.seed = {seed}", *lines]))
    return run


def test_runs_of_several_folders_that_differ_in_their_seed_are_one_method(tmp_path: Path) -> None:
    """Its name is the one that compare gives."""
    beta = "objective.beta = 4.0"
    runs = [run_of(tmp_path / "first", 0), run_of(tmp_path / "second", 1), run_of(tmp_path / "third", 0, beta)]
    runs.append(run_of(tmp_path / "fourth" / "seed_1", 1, beta, "train.log_every = 7"))
    expected = [str(name) for name in name_methods([read_settings(run.config_text) for run in runs])]
    assert method_names(runs) == expected
    assert len(set(expected)) == 2


def test_a_method_with_a_folder_to_itself_is_called_as_the_folder(tmp_path: Path) -> None:
    seeds = [run_of(tmp_path / "mine" / f"seed_{seed}", seed) for seed in (0, 1)]
    other = run_of(tmp_path / "other", 0, "objective.beta = 4.0")
    assert method_names([*seeds, other]) == ["mine", "mine", "other"]


def test_seeds_of_one_folder_with_different_settings_are_two_methods(tmp_path: Path) -> None:
    runs = [run_of(tmp_path / "mine" / f"seed_{seed}", seed, f"objective.beta = {4.0**seed}") for seed in (0, 1)]
    assert method_names(runs) == ["β-VAE, β = 1", "β-VAE, β = 4"]


def test_runs_of_a_sweep_are_grouped_as_in_their_study(tmp_path: Path) -> None:
    """Settings may take the seed's value, and trials that start from different weights have equal settings."""
    labels = ("torus-0123abcd", "torus_first-89abcdef")
    runs = [
        run_of(tmp_path / "study" / label / f"seed_{seed}", seed, f"train.held_out = {seed}")
        for label in labels
        for seed in (0, 1)
    ]
    assert method_names(runs) == ["torus", "torus", "torus_first", "torus_first"]
    more = run_of(tmp_path / "elsewhere" / labels[0] / "seed_2", 2, "train.held_out = 2")
    assert method_names([*runs, more])[-1] == "torus"


def test_a_method_is_called_as_its_folder_s_file_says(tmp_path: Path) -> None:
    runs = [run_of(tmp_path / "a-0123abcd" / "seed_0"), run_of(tmp_path / "mine" / "seed_0", 0, "objective.beta = 4.0")]
    for run, text in zip(runs, ("β-VAE on R^2, β = 1\n", " mine,\nbest\n"), strict=True):
        (run.path.parent / LABEL).write_text(text, encoding="utf-8")
    assert method_names(runs) == ["β-VAE on R^2, β = 1", "mine, best"]


def test_methods_of_equal_names_are_called_by_their_paths(tmp_path: Path) -> None:
    runs = [run_of(tmp_path / part / "mine", 0, f"objective.beta = {beta}") for part, beta in (("a", 1.0), ("b", 4.0))]
    assert method_names(runs) == [str(run.path.resolve()) for run in runs]


def test_runs_without_settings_are_not_taken_for_one_method(tmp_path: Path) -> None:
    runs = [run_of(tmp_path / name) for name in ("a", "b")]
    for run in runs:
        run.config_file.unlink()
    assert method_names(runs) == ["a", "b"]
