"""gin files and bindings fill the frozen settings of a run; nothing below this room knows gin."""

from submission.configuration.catalogue import catalogue, gin_folder
from submission.configuration.fill import load

__all__ = ["catalogue", "gin_folder", "load"]
