"""JSON of unknown origin is checked as it is read: types, nesting, sizes and numbers."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from submission.errors import SubmissionError
from submission.run import RunMeta, ScoreFile, read_log
from submission.schema import Limits, Size, parse_json, read_json, record, to_json


@dataclass(frozen=True)
class Point:
    """A nested record."""

    x: float
    label: str = ""


@dataclass(frozen=True)
class Shape:
    """A record with every kind of field."""

    points: tuple[Point, ...]
    size: int = 0
    closed: bool = False
    weight: float | None = None
    scale: float | tuple[float, ...] = 1.0
    names: Mapping[str, int] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    grid: tuple[Size, ...] = ()


def shape(value: object) -> Shape:
    """A shape from JSON."""
    return record(Shape, value, "shape.json", "draw it again")


def test_a_record_comes_back_as_it_was_written() -> None:
    given = Shape((Point(1.0, "a"), Point(2.5)), 3, True, None, (1.0, 2.0), {"n": 1}, {"colour": "red"})
    plain = json.loads(json.dumps(to_json(given)))
    assert plain["colour"] == "red"
    assert "weight" not in plain
    assert shape(plain) == given


def test_whole_numbers_are_numbers_and_unknown_keys_are_kept() -> None:
    read = shape({"points": [{"x": 1, "unknown": 2}], "new": [1]})
    assert read.points == (Point(1.0),)
    assert read.extra == {"new": [1]}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], r"shape\.json is \[\], not an object"),
        ({}, r"shape\.json lacks 'points' — draw it again"),
        ({"points": [{}]}, r"lacks 'points\[0\]\.x'"),
        ({"points": [{"x": "1"}]}, r"points\[0\]\.x in shape\.json is '1', not a number"),
        ({"points": [{"x": True}]}, r"points\[0\]\.x in shape\.json is True, not a number"),
        ({"points": {"x": 1}}, r"points in shape\.json is \{'x': 1\}, not a list, each item an object"),
        ({"points": [], "size": 1.5}, r"size in shape\.json is 1\.5, not a whole number"),
        ({"points": [], "size": True}, r"size in shape\.json is True"),
        ({"points": [], "closed": 1}, r"closed in shape\.json is 1, not true or false"),
        ({"points": [], "names": {"n": "x"}}, r"names\.n in shape\.json"),
        ({"points": [], "scale": "x"}, r"scale in shape\.json"),
        ({"points": [], "weight": "x" * 10_000}, r"weight in shape\.json is 'x{50,58}"),
    ],
)
def test_a_wrong_value_is_named_with_its_file_and_key(value: object, message: str) -> None:
    with pytest.raises(SubmissionError, match=message) as caught:
        shape(value)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "nested too deeply"),
        ("[" * 40 + "]" * 40, "nested more than 32 deep"),
        ('"' + "a" * 2_000_000 + '"', "a text of 2,000,000 letters"),
        ("9" * 25, "more than 64 bits"),
        ("9" * 5000, "cannot read"),
        ("{", "cannot read"),
        ("", "cannot read"),
        (b"\xff\xfe", "not UTF-8"),
    ],
)
def test_text_beyond_the_limits_is_one_line(text: str | bytes, message: str) -> None:
    with pytest.raises(SubmissionError, match=message):
        parse_json(text, "file.json", "restore it")


def test_the_number_of_values_is_limited() -> None:
    with pytest.raises(SubmissionError, match="more than 10 values"):
        parse_json(json.dumps(list(range(20))), "file.json", "", Limits(items=10))


def test_numbers_that_are_not_finite_are_refused() -> None:
    with pytest.raises(SubmissionError, match="is inf, not a number"):
        shape(parse_json('{"points": [{"x": 1e999}]}', "shape.json", ""))


def test_a_byte_order_mark_is_ignored() -> None:
    assert parse_json(b"\xef\xbb\xbf[1]", "file.json", "") == [1]


@pytest.mark.skipif(os.name != "posix", reason="named pipes are POSIX's")
def test_pipes_devices_and_folders_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        with pytest.raises(SubmissionError, match="not a regular file"):
            read_json(path, "")


def test_large_files_are_refused_before_they_are_read(tmp_path: Path) -> None:
    with (tmp_path / "huge.json").open("wb") as file:
        file.truncate(10 << 30)
    with pytest.raises(SubmissionError, match=r"it has 10,737,418,240 bytes"):
        read_json(tmp_path / "huge.json", "")


HOSTILE: list[Any] = [None, True, 0, -1, 2**70, 1.5, float("inf"), "", "x" * 100, "\x1b[31m", [], [[]], {}, {"a": {}}]


def mutated(value: Any, chance: random.Random) -> Any:
    """``value`` with one part, anywhere in it, replaced or removed."""
    if isinstance(value, dict) and value and chance.random() < 0.8:
        key = chance.choice(list(value))
        if chance.random() < 0.15:
            return {name: item for name, item in value.items() if name != key}
        return value | {key: mutated(value[key], chance)}
    if isinstance(value, list) and value and chance.random() < 0.8:
        index = chance.randrange(len(value))
        return [*value[:index], mutated(value[index], chance), *value[index + 1 :]]
    return chance.choice(HOSTILE)


def samples() -> tuple[dict[str, Any], dict[str, Any]]:
    """A whole ``meta.json`` and a whole score file."""
    block = {"name": "S^2", "start": 0, "stop": 3, "topology": "sphere"}
    data = {"name": "dsprites_full", "options": {}, "factor_names": ["shape"], "factor_sizes": [3], "periodic": [False]}
    meta = {
        "format": 1, "created": "", "versions": {"torch": "2"}, "seed": 0, "space": "S^2",
        "dataset": {**data, "image_shape": [64, 64, 1]}, "model": {"networks": "mlp", "weights": 3},
        "representation": {"mode": "mean", "scale": 1.0, "width": 3, "blocks": [block]},
        "training": {"steps": 1, "finished": True, "best_elbo": -3.5},
    }  # fmt: skip
    outcome = {"values": {"mig": 0.5}, "per_seed": [{"mig": 0.5}], "notes": [], "details": {}, "seconds": 0.1}
    scores = {
        "format": 1, "preset": "fast", "era": "installed", "seeds": [0], "data": {"name": "d", "periodic": [False]},
        "representation": {"file": "f", "width": 3}, "metrics": {"mig": {"headline": "mig", "range": [0.0, 1.0]}},
        "columns": {"trained": {"scores": {"mig": outcome}, "blocks": {"S^2": [0]}, "standard_deviations": [1.0]}},
    }  # fmt: skip
    return meta, scores


def check_many(tmp_path: Path, rounds: int, seed: int) -> int:
    """Read damaged metadata, scores and logs; the number of those that were refused. Anything else is an error."""
    chance, refused = random.Random(seed), 0
    meta, scores = samples()
    for kind, whole in ((RunMeta, meta), (ScoreFile, scores)):
        for _ in range(rounds):
            text = json.dumps(mutated(whole, chance)).encode()
            if chance.random() < 0.3:
                place = chance.randrange(len(text))
                text = text[:place] + chance.randbytes(chance.randrange(4)) + text[place + chance.randrange(6) :]
            path = tmp_path / "file.json"
            path.write_bytes(text)
            try:
                found = kind.read(path)
                found.to_json()
                if isinstance(found, ScoreFile):
                    found.rows(), found.headlines(), found._repr_html_(), found.protocol
            except SubmissionError:
                refused += 1
            (tmp_path / "log.jsonl").write_bytes(text + b"\n" + chance.randbytes(50) + b'\n{"step": 1, "kl": 2}\n')
            assert {"step": 1, "kl": 2} in read_log(tmp_path / "log.jsonl")
    return refused


def test_damaged_records_are_refused_in_one_line_or_read(tmp_path: Path) -> None:
    assert check_many(tmp_path, 300, seed=0) > 100


@pytest.mark.slow
def test_many_damaged_records_are_refused_in_one_line_or_read(tmp_path: Path) -> None:
    assert check_many(tmp_path, 4_000, seed=1) > 2_000


@pytest.mark.parametrize("value", [0, -1, True, 1.0, "1", None])
def test_sizes_are_whole_numbers_above_zero(value: object) -> None:
    assert shape({"points": [], "grid": [1, 2**40]}).grid == (1, 2**40)
    with pytest.raises(SubmissionError, match=r"grid\[1\] in shape.json is .*, not a whole number above 0"):
        shape({"points": [], "grid": [1, value]})
    with pytest.raises(SubmissionError, match="not a list, each item a whole number above 0"):
        shape({"points": [], "grid": value})


@pytest.mark.parametrize("change", [{"image_shape": [0, 8, 1]}, {"image_shape": [8, 8, -1]}, {"factor_sizes": [3, 0]}])
def test_data_of_a_run_have_sizes_above_zero(change: dict[str, object]) -> None:
    (key,) = change
    with pytest.raises(SubmissionError, match=rf"dataset.{key}\[\d\] in meta.json is .*, not a whole number above 0"):
        record(RunMeta, {"dataset": change}, "meta.json", "train again")
