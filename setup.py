"""Builds the optional C kernels of submission/native; everything else is in pyproject.toml."""

from pathlib import Path

from setuptools import Extension, setup

FLAGS = ["-O3", "-std=c11", "-ffp-contract=off", "-fno-math-errno", "-pthread"]

setup(
    ext_modules=[
        Extension(f"submission.native._{source.stem}", [str(source)], extra_compile_args=FLAGS, optional=True)
        for source in sorted(Path("submission/native").glob("*.c"))
    ]
)
