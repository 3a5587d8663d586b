"""``evaluate`` and ``score`` from Python: every kind of target, and results as objects, tables and files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from submission.cli.main import run_program
from submission.data import GroundTruthDataset
from submission.errors import SubmissionError, UsageError
from submission.evaluation import EvaluationInterrupted, Results, evaluate, make_plan, score
from submission.evaluation import scoring as scoring_module
from submission.run import ScoreFile
from submission.studies.entries import collect
from tests.evaluation.conftest import Columns

GRID = np.stack(np.unravel_index(np.arange(72), (6, 3, 4)), axis=1)
QUICK = {"metrics": ["mig", "irs"], "preset": "fast", "baselines": False}


def test_a_module_a_function_and_a_file_have_the_same_scores(
    stripes: GroundTruthDataset, export: Callable[..., Path]
) -> None:
    module = Columns().train()
    expected = evaluate(export(), data="stripes", save=False, **QUICK).scores

    def images_to_codes(images: np.ndarray) -> np.ndarray:
        assert images.shape[1:] == (64, 64, 1)
        with torch.no_grad():
            return Columns()(torch.from_numpy(images).movedim(3, 1)).numpy()

    assert evaluate(module, data="stripes", **QUICK).scores == pytest.approx(expected, abs=1e-6)
    assert module.training
    assert evaluate(images_to_codes, data=stripes, **QUICK).scores == pytest.approx(expected, abs=1e-6)


def test_images_and_factors_in_memory_are_a_data_set(stripes: GroundTruthDataset) -> None:
    rows = np.arange(len(stripes))
    pair = (stripes.images(rows), stripes.factors(rows))
    assert evaluate(Columns(), data=pair, **QUICK).scores == evaluate(Columns(), data=stripes, **QUICK).scores


@pytest.mark.filterwarnings("ignore:.torch.jit.*deprecated:DeprecationWarning")
def test_a_scripted_module_is_copied_without_a_warning(stripes: GroundTruthDataset) -> None:
    """PyTorch warns of weights that are not leaves; warnings are errors here."""
    scripted = torch.jit.script(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64 * 64, 3)))
    assert evaluate(scripted, data=stripes, **QUICK).scores.keys() == {"mig", "irs"}


def test_a_function_that_expects_tensors_hears_what_it_gets(stripes: GroundTruthDataset) -> None:
    def encode(images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1)

    what = r"encode fails on a numpy array of images of shape \(\d+, 64, 64, 1\): .* — take images \(n, height"
    with pytest.raises(SubmissionError, match=what):
        evaluate(encode, data=stripes, **QUICK)


@pytest.mark.parametrize("batch", [None, 5])
def test_an_onnx_file_has_the_scores_of_its_module(
    stripes: GroundTruthDataset, tmp_path: Path, batch: int | None
) -> None:
    """With any batch size, and with one that is fixed."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from onnx import TensorProto, helper, numpy_helper

    mixing = Columns().mixing.detach().numpy()
    nodes = [
        helper.make_node("Slice", ["images", "starts", "ends", "axes", "steps"], ["pixels"]),
        helper.make_node("Reshape", ["pixels", "shape"], ["flat"]),
        helper.make_node("MatMul", ["flat", "mixing"], ["codes"]),
    ]
    values = {
        "starts": np.array([3, 0]),
        "ends": np.array([4, 64]),
        "axes": np.array([2, 3]),
        "steps": np.array([1, 8]),
        "shape": np.array([-1, 8]),
        "mixing": mixing,
    }
    graph = helper.make_graph(
        nodes,
        "columns",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [batch, 1, 64, 64])],
        [helper.make_tensor_value_info("codes", TensorProto.FLOAT, [batch, 4])],
        [numpy_helper.from_array(value, name) for name, value in values.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "model.onnx")
    found = evaluate(tmp_path / "model.onnx", data="stripes", **QUICK)
    assert found.scores == pytest.approx(evaluate(Columns(), data="stripes", **QUICK).scores, abs=1e-5)
    assert len(found.record.representation.sha256) == 64


def test_a_torch_export_archive_has_the_scores_of_its_module(stripes: GroundTruthDataset, tmp_path: Path) -> None:
    batch = torch.export.Dim("batch", min=1, max=1 << 20)
    program = torch.export.export(Columns().eval(), (torch.rand(2, 1, 64, 64),), dynamic_shapes=({0: batch},))
    torch.export.save(program, tmp_path / "model.pt2")
    found = evaluate(str(tmp_path / "model.pt2"), data="stripes", **QUICK)
    assert found.scores == pytest.approx(evaluate(Columns(), data="stripes", **QUICK).scores, abs=1e-5)


@pytest.mark.parametrize("ending", [".pt", ".pth", ".safetensors"])
def test_weights_alone_come_with_a_recipe(ending: str, tmp_path: Path) -> None:
    torch.save(Columns().state_dict(), tmp_path / f"weights{ending}")
    with pytest.raises(SubmissionError, match=r"(?s)holds weights without a network.*load_state_dict.*cars3d"):
        evaluate(tmp_path / f"weights{ending}", data="cars3d")


@pytest.mark.parametrize("name", ["broken.onnx", "broken.pt2", "broken.pt"])
def test_a_damaged_file_is_one_line(name: str, stripes: GroundTruthDataset, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"neither this nor that")
    with pytest.raises(SubmissionError, match=name) as caught:
        evaluate(tmp_path / name, data="stripes")
    assert "\n" not in str(caught.value)


def test_what_cannot_be_scored_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"a int cannot be scored — .*for codes: submission\.score"):
        evaluate(3)
    with pytest.raises(UsageError, match=r"the data set for .* is unknown"):
        evaluate(Columns())
    with pytest.raises(SubmissionError, match="does not exist"):
        evaluate(str(tmp_path / "nothing"))


def test_codes_and_factors_in_files_of_tables(tmp_path: Path) -> None:
    codes = GRID + 0.25 * np.random.RandomState(0).rand(72, 3)
    expected = score(codes, GRID, metrics=["mig"], preset="fast")["mig"]
    np.save(tmp_path / "codes.npy", codes)
    np.save(tmp_path / "factors.npy", GRID)
    np.savetxt(tmp_path / "codes.csv", codes, delimiter=",", header="a,b,c", comments="")
    np.savetxt(tmp_path / "factors.csv", GRID + 1, delimiter=",", fmt="%d")
    for ending in ("npy", "csv"):
        files = [tmp_path / f"codes.{ending}", "--factors", tmp_path / f"factors.{ending}"]
        given = [*files, "--metrics", "mig", "--preset", "fast", "--json", tmp_path / "out.json"]
        assert run_program("evaluate", ["--codes", *map(str, given)]) == 0
        assert ScoreFile.read(tmp_path / "out.json").headlines()["mig"] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("text", ["1,2\n3\n", "1,2\n3,x\n", "\x00\xff"])
def test_a_table_that_is_not_one_is_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "codes.csv").write_bytes(text.encode("latin-1"))
    np.save(tmp_path / "factors.npy", GRID)
    assert (
        run_program("evaluate", ["--codes", str(tmp_path / "codes.csv"), "--factors", str(tmp_path / "factors.npy")])
        == 1
    )


def test_codes_keep_the_precision_in_which_they_were_given() -> None:
    """float64 codes c·1e-4 + 1e6: in float32 they would be constant."""
    wide = score(GRID * 1e-4 + 1e6, GRID, metrics=["mig"], preset="fast")
    assert wide["mig"] == pytest.approx(score(GRID + 0.0, GRID, metrics=["mig"], preset="fast")["mig"], abs=1e-6)
    assert wide["mig"] > 0.99


def test_real_valued_factors_are_scored_where_a_metric_exists_for_them() -> None:
    factors = np.random.RandomState(0).rand(600, 2)
    results = score(factors.astype(np.float32), factors, metrics=["mig", "modularity"], preset="fast")
    assert results["mig"] > 0.8
    assert "real-valued" in results.failures["modularity"]


def test_settings_of_ones_own_are_another_protocol(tmp_path: Path) -> None:
    codes = GRID + np.random.RandomState(0).rand(72, 3)
    coarse = score(codes, GRID, metrics=["mig"], settings={"mig": {"num_bins": 3}}, preset="fast")
    assert coarse["mig"] != score(codes, GRID, metrics=["mig"], preset="fast")["mig"]
    assert coarse.record.protocol == "fast mig.num_bins=3"
    with pytest.raises(UsageError, match="did you mean num_bins"):
        score(codes, GRID, metrics=["mig"], settings={"mig": {"num_bin": 3}})
    with pytest.raises(UsageError, match="dci, which is not computed"):
        score(codes, GRID, metrics=["mig"], settings={"dci": {}})
    old = score(codes, GRID, metrics=["mig"], settings={"mig": {"era": "2019"}})
    assert old.record.metrics["mig"].settings["era"] == "2019"


def test_numbers_of_points_may_be_a_list() -> None:
    sizes, codes = {"num_train": [20, 40], "num_test": 30}, GRID + 0.0
    listed, tuple_of = (
        score(
            codes,
            GRID,
            metrics=["downstream"],
            settings={"downstream": sizes | {"num_train": kind(sizes["num_train"])}},
        )
        for kind in (list, tuple)
    )
    assert listed.scores == tuple_of.scores
    assert listed.record.metrics["downstream"].settings["num_train"] == [20, 40]


@pytest.mark.parametrize(
    ("name", "wrong", "fix"),
    [
        ("mig", {"num_train": "100"}, "it takes a whole number"),
        ("mig", {"num_bins": 2.5}, "it takes a whole number"),
        ("mig", {"era": "2018"}, "it takes 'installed' or '2019'"),
        ("downstream", {"num_train": 100}, "it takes a list, each item a whole number"),
        ("irs", {"diff_quantile": True}, "it takes a number"),
    ],
)
def test_settings_of_another_type_are_refused_at_once(name: str, wrong: dict[str, object], fix: str) -> None:
    with pytest.raises(UsageError, match=rf"{name}\.\w+ = .* has the wrong type .* {fix}"):
        score(GRID + 0.0, GRID, metrics=[name], settings={name: wrong})


def test_blocks_and_cycles_of_arrays() -> None:
    angle = 2 * np.pi * GRID[:, 0] / 6
    codes = np.c_[np.cos(angle), np.sin(angle), GRID[:, 1:]]
    results = score(
        codes, GRID, metrics=["mig"], preset="fast", blocks=[[0, 1], [2], [3]], periodic=[True, False, False]
    )
    block = results.value("mig", by_block=True)
    assert block is not None
    assert block > results["mig"]
    with pytest.raises(SubmissionError, match="every column in exactly one block"):
        score(codes, GRID, blocks=[[0, 1], [2]])


def test_results_are_an_object_a_table_and_a_file(tmp_path: Path) -> None:
    results = score(GRID + 0.0, GRID, metrics=["mig", "sap"], preset="fast", name="mine", baselines=True)
    assert "mig" in repr(results)
    assert "true factors" in repr(results)
    assert "<table>" in results._repr_html_()
    path = results.save(tmp_path / "scores.json")
    again = Results.read(path)
    assert again.scores == results.scores
    assert again.value("mig", column="true factors") == results.value("mig", column="true factors")
    with pytest.raises(SubmissionError, match="there is no score dci"):
        results["dci"]
    with pytest.raises(UsageError, match="not of a run folder"):
        results.save()


def test_printed_results_say_why_scores_are_missing() -> None:
    results = score(GRID + 0.0, np.c_[GRID, np.ones(len(GRID), int)], metrics=["mig"], preset="fast")
    for shown in (repr(results), results._repr_html_()):
        assert "mig: factor 3 has one value in all" in shown
    with pytest.raises(SubmissionError, match=r"factor 3 has one value.*there are: none"):
        results["mig"]


def test_deviations_of_huge_and_tiny_codes_follow_their_scale() -> None:
    codes = GRID + np.random.RandomState(0).rand(72, 3)
    expected = score(codes, GRID, metrics=["mig"], preset="fast")
    (column,) = expected.record.columns.values()
    for exponent in (600, -600):  # squares are beyond float64, which a power of two does not round
        scaled = score(codes * 2.0**exponent, GRID, metrics=["mig"], preset="fast")
        (found,) = scaled.record.columns.values()
        assert found.standard_deviations == tuple(s * 2.0**exponent for s in column.standard_deviations)
        assert scaled.scores or "overflows float64 when squared" in scaled.failures["mig"]


def test_an_interrupted_evaluation_keeps_finished_metrics(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    whole = scoring_module.attempt

    def until_irs(plan: object, representation: object, metric: object, *rest: object) -> object:
        if metric.name == "irs":  # type: ignore[attr-defined]
            raise KeyboardInterrupt
        return whole(plan, representation, metric, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(scoring_module, "attempt", until_irs)
    with pytest.raises(EvaluationInterrupted) as caught:
        score(GRID + 0.0, GRID, metrics=["mig", "irs", "sap"], preset="fast")
    assert set(caught.value.results.scores) == {"mig"}
    np.savez(tmp_path / "codes.npz", codes=GRID + 0.0, factors=GRID)
    monkeypatch.chdir(tmp_path)
    given = ["--codes", "codes.npz", "--preset", "fast", "--metrics", "mig,irs", "--name", "theirs"]
    assert run_program("evaluate", given) == 130
    (file,) = (tmp_path / "runs" / "theirs" / "scores").iterdir()
    assert file.name == "fast-0-mig+irs-partial.json"
    monkeypatch.setattr(scoring_module, "attempt", whole)
    assert run_program("evaluate", given) == 0
    (file,) = (tmp_path / "runs" / "theirs" / "scores").iterdir()
    assert set(ScoreFile.read(file).headlines()) == {"mig", "irs"}


def test_a_named_file_joins_the_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("codes.npz", codes=GRID + 0.0, factors=GRID)
    given = ["--codes", "codes.npz", "--preset", "fast", "--metrics", "mig", "--data", "cars3d", "--name", "their way"]
    assert run_program("evaluate", given) == 0
    (entry,) = collect([Path("runs")]).chosen(protocol="fast")
    assert (entry.method, entry.dataset) == ("their way", "cars3d")


@pytest.mark.parametrize("name", ["untrained", "true factors"])
def test_the_name_of_a_baseline_is_refused(
    name: str, stripes: GroundTruthDataset, export: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    def function(images: np.ndarray) -> np.ndarray:
        return images.mean((1, 3))

    function.__name__ = name
    file = export()
    bare = file.rename(file.with_name(name))
    for target, given in ((Columns(), name), (bare, name), (bare, ""), (function, "")):
        with pytest.raises(UsageError, match="is the name of a baseline"):
            evaluate(target, data=stripes, name=given, **QUICK)
    assert evaluate(function, data=stripes, name="mine", metrics=["mig"], preset="fast").scores.keys() == {"mig"}
    assert run_program("evaluate", [str(bare), "--data", "stripes", "--name", name]) == 2
    assert f"{name!r} is the name of a baseline — choose another one" in capsys.readouterr().err


def test_a_run_that_has_not_ended_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run").mkdir()
    meta = {"dataset": {"name": "dsprites_small"}, "training": {"finished": False}}
    (tmp_path / "run" / "meta.json").write_text(json.dumps(meta))
    assert run_program("evaluate", [str(tmp_path / "run")]) == 1
    error = capsys.readouterr().err
    assert "has no exported encoder yet: its training has not ended" in error
    assert "--resume" in error


def test_metrics_may_be_named_in_one_string() -> None:
    assert [metric.name for metric, _ in make_plan(metrics="mig, dci").metrics] == ["mig", "dci"]  # type: ignore[arg-type]
