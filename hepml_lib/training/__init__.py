"""One training loop for every network of the book.

`fit` trains any torch module on tensors that are in memory. What one step does depends only on the
weights, the optimiser's state, the seed and the step's number. An interrupted training that resumes
from its checkpoint therefore ends with the same weights, bit by bit, as one that was left alone.
"""

from __future__ import annotations

from hepml_lib.training.data import Data, History
from hepml_lib.training.loop import fit, predict, seeded

__all__ = ["Data", "History", "fit", "predict", "seeded"]
