"""A device that cannot be used is one short line."""

from __future__ import annotations

import pytest

from submission.device import reason, usable
from submission.errors import UsageError


@pytest.mark.parametrize("name", ["meta", "mps", "vulkan", "xpu", "tpu9", "", "cuda:99", "cpu:x"])
def test_another_device_is_one_short_line(name: str) -> None:
    with pytest.raises(UsageError, match="use --device cpu") as caught:
        usable(name)
    assert str(caught.value).startswith(f"device {name!r} ")
    assert len(str(caught.value)) < 260
    assert "\n" not in str(caught.value)


def test_the_processor_is_always_there() -> None:
    assert usable("cpu").type == "cpu"
    assert usable("auto").type in ("cpu", "cuda")


def test_a_reason_is_one_sentence() -> None:
    assert reason(RuntimeError("It failed. Please visit a page.\nMore.")) == "It failed"
    assert len(reason(RuntimeError("x" * 1000))) == 150
