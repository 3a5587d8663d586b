"""Codes that would break the evaluator are told in one line."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from submission.errors import SubmissionError
from submission.export.contract import run_checked


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (lambda images: images.flatten(1)[1:], r"shape \(3, 64\) for 4 images"),
        (lambda images: images, r"shape \(4, 1, 8, 8\)"),
        (lambda images: images.flatten(1) / 0 * 0, "NaN"),
        (lambda images: images.flatten(1).long(), "int64"),
        (lambda images: (images,), "tuple"),
        (lambda images: images.flatten(1).to_sparse(), "returns a sparse coo tensor"),
        (lambda images: images.flatten(1).to_sparse_csr(), "returns a sparse csr tensor"),
        (lambda images: images.flatten(1).to("meta"), "returns a meta-device tensor"),
        (lambda images: images.flatten(1).to(torch.complex64), "complex64"),
        (lambda images: images.flatten(1) @ torch.zeros(3, 3), r"fails on images of shape \(4, 1, 8, 8\)"),
        (lambda images: {}[0], r"fails on images of shape \(4, 1, 8, 8\): 0"),
    ],
)
def test_what_breaks_the_contract_is_one_line(answer: Callable[..., torch.Tensor], word: str) -> None:
    with pytest.raises(SubmissionError, match=word) as caught:
        run_checked(answer, torch.rand(4, 1, 8, 8), "file.pt")
    assert str(caught.value).startswith("file.pt ")
    assert "\n" not in str(caught.value)


def test_an_error_of_ours_is_passed_on() -> None:
    def locked_up(images: torch.Tensor) -> torch.Tensor:
        raise SubmissionError("file.pt was stopped in isolation", "raise the limits")

    with pytest.raises(SubmissionError, match=r"^file\.pt was stopped in isolation — raise the limits$"):
        run_checked(locked_up, torch.rand(4, 1, 8, 8), "file.pt")
