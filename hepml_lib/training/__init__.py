"""One training loop for every network of the book, and one trainer of those that are stored.

`fit` trains any torch module on tensors that are in memory. What one step does depends only on the
weights, the optimiser's state, the seed and the step's number. An interrupted training that resumes
from its checkpoint therefore ends with the same weights, bit by bit, as one that was left alone.
"""

from __future__ import annotations

from hepml_lib.training.data import Data, History
from hepml_lib.training.loop import fit, predict, train
from hepml_lib.training.process import seeded
from hepml_lib.training.step import Loss
from hepml_lib.training.stored import Entry, train_stored

__all__ = [
    "Data",
    "Entry",
    "History",
    "Loss",
    "fit",
    "predict",
    "seeded",
    "train",
    "train_stored",
]
