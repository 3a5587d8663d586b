"""Packages, the shipped gin files and the optional C kernels; the rest is in pyproject.toml."""

from pathlib import Path

from setuptools import Extension, find_packages, setup

FLAGS = ["-O3", "-std=c11", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-pthread"]
"""Without -fno-trapping-math gcc keeps branches where AVX2 could select; neither flag changes a result."""
KERNELS = Path("submission/accelerators")


def kernel(path: Path) -> Extension:
    """The library of one C file, or of all C files of a folder."""
    folder = path if path.is_dir() else path.parent
    sources = sorted(map(str, folder.glob("*.c"))) if path.is_dir() else [str(path)]
    headers = sorted(map(str, folder.glob("*.h")))
    return Extension(
        f"submission.accelerators._{path.stem}", sources, depends=headers, extra_compile_args=FLAGS, optional=True
    )


setup(
    packages=[*find_packages(include=["submission*"]), "submission.gin"],
    package_dir={"submission.gin": "gin"},  # at the top of the repository, inside the package once it is installed
    ext_modules=[
        kernel(path) for path in sorted([*KERNELS.glob("*.c"), *{file.parent for file in KERNELS.glob("*/*.c")}])
    ],
)
