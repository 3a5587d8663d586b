"""Adam (Kingma and Ba, 2015), of models and of discriminators."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import torch
from torch import Tensor


class Adam(torch.optim.Adam):
    """torch's Adam, without the wrappers of its methods that import torch's compiler when they are first called.

    Nothing is compiled here, and that import is slow: without it training starts sooner.
    """

    if not TYPE_CHECKING:
        add_param_group = inspect.unwrap(torch.optim.Adam.add_param_group)
        zero_grad = inspect.unwrap(torch.optim.Adam.zero_grad)
        state_dict = inspect.unwrap(torch.optim.Adam.state_dict)
        load_state_dict = inspect.unwrap(torch.optim.Adam.load_state_dict)
        step = torch.no_grad()(inspect.unwrap(torch.optim.Adam.step))


def advance(optimizer: Adam, rate: float | Tensor | None = None) -> None:
    """Step along the gradients and drop them; Adam must be set to ``capturable`` while a CUDA graph is captured.

    Args:
        rate: the learning rate, where it is scheduled.
    """
    for group in optimizer.param_groups:
        group["lr"] = group["lr"] if rate is None else rate
        group["capturable"] = group["params"][0].is_cuda and torch.cuda.is_current_stream_capturing()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
