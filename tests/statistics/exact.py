"""A second implementation of the tests of a strength: profiles in closed form, the rest iminuit.

One background whose bins have Poisson constraints (or are known) and a common normalisation with a
Gaussian constraint (or none); arithmetic in extended precision, so that 10⁸ counts lose nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from iminuit import Minuit
from scipy.stats import norm

from hepml_lib import statistics


@dataclass(frozen=True)
class Experiment:
    """Signal and background [events per bin], the latter's relative errors, and the counts.

    `counts`, `control` (auxiliary counts) and `pull` (auxiliary normalisation) are the data.
    """

    signal: np.ndarray
    background: np.ndarray
    error: float
    normalisation: float
    counts: np.ndarray
    control: np.ndarray | None = None
    pull: float = 0.0

    def model(self):
        """The same experiment for pyhf."""
        options = {}
        if self.error:
            options["errors"] = {"b": self.error * self.background}
        if self.normalisation:
            options["normalisation"] = {"b": self.normalisation}
        return statistics.binned_model(self.signal, {"b": self.background}, **options)

    def _factors(self, mu, alpha):
        """Scaled background, and the best factors of its bins."""
        s = np.asarray(mu * self.signal, np.longdouble)
        b = self.background * np.longdouble(1 + self.normalisation) ** alpha
        if not self.error:
            return s, b, np.ones(len(s), np.longdouble)
        m = np.full(len(s), np.longdouble(self.error) ** -2)  # off events
        off = m if self.control is None else self.control
        linear = (b + m) * s - self.counts * b - off * b
        root = np.sqrt(linear**2 + 4 * (b + m) * b * off * s)
        return s, b, (root - linear) / (2 * (b + m) * b)

    def deviance(self, mu, alpha):
        """−2 ln L at the best factors, above that of a perfect fit."""
        s, b, factor = self._factors(mu, alpha)
        pairs = [(self.counts, s + factor * b)]
        if self.error:
            m = np.longdouble(self.error) ** -2
            off = np.full(len(s), m) if self.control is None else self.control
            pairs.append((off, factor * m))
        total = (alpha - self.pull) ** 2 if self.normalisation else np.longdouble(0)
        for n, rate in pairs:
            n = np.asarray(n, np.longdouble)
            total += 2 * np.sum(rate - n - np.where(n > 0, n * np.log(rate / np.maximum(n, 1)), 0))
        return float(total)

    def fit(self, mu=None):
        """Strength, normalisation and deviance of the best fit; of the best at `mu`, if given."""
        unit = 1 / np.sqrt(np.sum(self.signal**2 / self.background))
        minuit = Minuit(lambda x, alpha: self.deviance(x * unit, alpha), x=1.0, alpha=0.0)
        minuit.limits["x"], minuit.limits["alpha"] = (0, None), (-12, 12)
        minuit.fixed["alpha"] = not self.normalisation
        if mu is not None:
            minuit.values["x"], minuit.fixed["x"] = mu / unit, True
        minuit.tol, minuit.strategy = 1e-5, 2
        for _ in range(2):
            minuit.migrad()
        at_zero = np.inf if mu is not None else (best := self.fit(0.0))[2]
        if at_zero < minuit.fval:
            return best
        return minuit.values["x"] * unit, minuit.values["alpha"], minuit.fval

    def cls(self, mu):
        """Observed and median CLs by the formulas of arXiv:1007.1727 for its q̃."""
        _, alpha, _ = self.fit(0.0)
        _, b, factor = self._factors(0.0, alpha)
        control = factor / np.longdouble(self.error) ** 2 if self.error else None
        asimov = Experiment(
            self.signal, self.background, self.error, self.normalisation, factor * b, control, alpha
        )
        root = []
        for data in (self, asimov):
            best = data.fit()
            excess = data.fit(mu)[2] - best[2]
            root.append(np.sqrt(max(excess, 0.0)) if best[0] <= mu else 0.0)
        q, a = root
        if q <= a:
            tails = norm.sf(q), norm.sf(q - a)
        else:
            tails = norm.sf((q**2 + a**2) / (2 * a)), norm.sf((q**2 - a**2) / (2 * a))
        return tails[0] / tails[1], norm.sf(a) / 0.5


def draw(rng: np.random.Generator) -> Experiment:
    """An experiment with 1 to 10⁸ background events a bin and any of the uncertainties."""
    bins = int(rng.integers(1, 5))
    background = 10 ** rng.uniform(0, 8, bins)
    signal = background * 10 ** rng.uniform(-3, 0.3) * rng.uniform(0.01, 1, bins)
    error, normalisation = (rng.choice([0.0, 10 ** rng.uniform(-3, -0.5)]) for _ in range(2))
    unit = 1 / np.sqrt(np.sum(signal**2 / background))
    moved = background * np.exp(normalisation * rng.normal())
    mean = (
        moved * np.exp(error * rng.normal(size=bins)) + rng.choice([0.0, 1.0, 4.0]) * unit * signal
    )
    counts = rng.poisson(mean).astype(float)
    return Experiment(signal, background, float(error), float(normalisation), counts)
