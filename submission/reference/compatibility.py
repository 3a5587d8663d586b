"""What disentanglement_lib 1.5 needs in order to import without TensorFlow and with today's libraries.

Its data classes and metrics use TensorFlow for opening files only, gin-config through ``gin.tf`` with an argument
that has since been renamed, and two features of an older Pillow. The stand-ins below are in place only while one of its
modules is being imported; afterwards ``sys.modules`` is as before. The package gets a private copy of gin, so that
the names that it registers do not conflict with other configurations.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from submission.errors import SubmissionError

INSTALL = 'pip install six absl-py "setuptools<81" && pip install --no-deps disentanglement-lib==1.5'
REPLACED = ("gin", "tensorflow")
ROOT_VARIABLE = "DISENTANGLEMENT_LIB_DATA"


def installed() -> bool:
    """Whether disentanglement_lib and what its metrics import are there."""
    return all(importlib.util.find_spec(name) for name in ("disentanglement_lib", "six", "absl"))


@functools.cache
def module(name: str) -> ModuleType:
    """The module ``disentanglement_lib.<name>``, e.g. ``evaluation.metrics.mig``.

    Raises:
        SubmissionError: the package is not installed (the message has the command), or has no such module.
    """
    if not installed():
        raise SubmissionError("disentanglement_lib is not installed", f"run: {INSTALL}")
    with stand_ins():
        try:
            loaded = importlib.import_module(f"disentanglement_lib.{name}")
        except ImportError as error:
            raise SubmissionError(
                f"disentanglement_lib.{name} cannot be imported: {error}", f"run: {INSTALL}"
            ) from None
    restore_old_libraries(loaded)
    return loaded


def gin() -> ModuleType:
    """The private copy of gin that disentanglement_lib's functions are registered with."""
    private: ModuleType = module("evaluation.metrics.utils").gin
    return private


def reload(name: str, root: Path) -> ModuleType:
    """The module again, with ``DISENTANGLEMENT_LIB_DATA`` = ``root``, which its paths are made of at import."""
    loaded = module(name)
    with stand_ins(), data_under(root):
        importlib.reload(loaded)
    restore_old_libraries(loaded)
    return loaded


@contextlib.contextmanager
def data_under(root: Path) -> Iterator[None]:
    """``$DISENTANGLEMENT_LIB_DATA`` is ``root`` for a while."""
    before = os.environ.get(ROOT_VARIABLE)
    os.environ[ROOT_VARIABLE] = str(root)
    try:
        yield
    finally:
        if before is None:
            del os.environ[ROOT_VARIABLE]
        else:
            os.environ[ROOT_VARIABLE] = before


@contextlib.contextmanager
def stand_ins() -> Iterator[None]:
    """While this lasts, ``tensorflow`` and ``gin`` are what disentanglement_lib expects."""
    hidden = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] in REPLACED}
    sys.modules.update(_private_modules())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # deprecations in a package that will not change any more
            yield
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] in REPLACED]:
            del sys.modules[name]
        sys.modules.update(hidden)


@functools.cache
def _private_modules() -> dict[str, ModuleType]:
    """``tensorflow`` with its file functions, and a copy of gin that has ``gin.tf`` and takes ``blacklist``."""
    copy: Any = importlib.import_module("gin")
    copy.configurable = _takes_blacklist(copy.configurable)
    copy.tf = _module("gin.tf")
    tensorflow = _module("tensorflow", gfile=GFILE, io=SimpleNamespace(gfile=GFILE))
    v1 = _module("tensorflow.compat.v1", gfile=GFILE, io=SimpleNamespace(gfile=GFILE))
    compat = _module("tensorflow.compat", v1=v1)
    tensorflow.compat = compat  # type: ignore[attr-defined]
    found = {name: loaded for name, loaded in sys.modules.items() if name.partition(".")[0] == "gin"}
    made = {"gin.tf": copy.tf, "tensorflow": tensorflow, "tensorflow.compat": compat, "tensorflow.compat.v1": v1}
    return found | made | {"tensorflow.compat.v1.gfile": _module("tensorflow.compat.v1.gfile", **vars(GFILE))}


def _module(name: str, **attributes: object) -> ModuleType:
    made = ModuleType(name)
    vars(made).update(attributes)
    return made


def _list_directory(path: str) -> list[str]:
    """Sorted, so that the order of factors does not depend on the file system."""
    return sorted(os.listdir(path))  # noqa: PTH208 - the caller wants names


GFILE = SimpleNamespace(
    Open=open, GFile=open, exists=os.path.exists, Exists=os.path.exists, ListDirectory=_list_directory
)


def _takes_blacklist(configurable: Callable[..., Any]) -> Callable[..., Any]:
    """gin's decorator under the name its argument had before gin-config 0.5."""

    def renamed(name_or_function: Any = None, module: str | None = None, **lists: Any) -> Any:
        if "blacklist" in lists:
            lists["denylist"] = lists.pop("blacklist")
        return configurable(name_or_function, module=module, **lists)

    return renamed


class _Picture:
    """A Pillow image whose ``thumbnail`` takes a third, unused size, as Pillow did until 2019."""

    def __init__(self, image: Any) -> None:
        self._image = image

    def __getattr__(self, name: str) -> Any:
        return getattr(self._image, name)

    def thumbnail(self, size: tuple[int, ...], *resample: Any) -> None:
        """Shrink in place."""
        self._image.thumbnail(size[:2], *resample)


def restore_old_libraries(loaded: ModuleType) -> None:
    """Give one module Pillow and numpy as of 2019, under the names that it uses."""
    if hasattr(loaded, "PIL"):
        vars(loaded)["PIL"] = old_pillow()
    if hasattr(loaded, "_read_binary_matrix"):
        vars(loaded)["int"] = lambda value: int(np.asarray(value).item())  # numpy refuses int(array of one) by now


def old_pillow() -> SimpleNamespace:
    """``PIL`` as of 2019, as far as disentanglement_lib uses it."""
    from PIL import Image

    image = SimpleNamespace(
        ANTIALIAS=Image.Resampling.LANCZOS,
        open=lambda *arguments: _Picture(Image.open(*arguments)),
        fromarray=lambda *arguments: _Picture(Image.fromarray(*arguments)),
    )
    return SimpleNamespace(Image=image)
