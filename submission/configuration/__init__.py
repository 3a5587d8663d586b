"""Settings of a run: frozen dataclasses, filled from gin files and bindings. No other package reads or writes gin."""

from submission.configuration.catalogue import catalogue, gin_folder
from submission.configuration.fill import load
from submission.configuration.settings import SEED, Settings, bindings_of

__all__ = ["SEED", "Settings", "bindings_of", "catalogue", "gin_folder", "load"]
