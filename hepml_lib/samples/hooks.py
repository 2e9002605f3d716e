"""Hooks that end hopeless events early, while Pythia makes them.

Each is a `pythia8mc.UserHooks` with `tried`, the number of events that it was first asked about.
A hook looks at an event where it has a rule: at the *hard* process with the decays of its
resonances, before anything radiates; when the showers have come *down to* a scale; at the *partons*
after all showers, before they hadronise. What is dropped early costs little.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = [
    "hard_leptons",
    "lepton_and_parton_jets",
    "multijets",
    "one_lepton",
    "parton_jets",
    "showered_partons",
]

_Rule = Callable[[Any], bool]
"""Of an event of Pythia: whether it is dropped."""

_CHARGED_LEPTONS = (11, 13, 15)


def _veto(
    hard: _Rule | None = None,
    down_to: tuple[float, _Rule] | None = None,
    partons: _Rule | None = None,
) -> Any:
    """Hook with the given rules; `down_to` is a scale [GeV] and the rule that holds there."""
    import pythia8mc

    class Veto(pythia8mc.UserHooks):
        def __init__(self) -> None:
            super().__init__()
            self.tried = 0

        def canVetoProcessLevel(self) -> bool:
            return hard is not None

        def doVetoProcessLevel(self, process: Any) -> bool:
            self.tried += 1
            return hard is not None and hard(process)

        def canVetoPT(self) -> bool:
            return down_to is not None

        def scaleVetoPT(self) -> float:
            return down_to[0] if down_to else 0.0

        def doVetoPT(self, position: int, event: Any) -> bool:
            self.tried += hard is None
            return down_to is not None and down_to[1](event)

        def canVetoPartonLevel(self) -> bool:
            return partons is not None

        def doVetoPartonLevel(self, event: Any) -> bool:
            self.tried += hard is None and down_to is None
            return partons is not None and partons(event)

    return Veto()


def _jet_finder(pt: float, radius: float, eta_max: float) -> Any:
    """Anti-kT jets of all that is visible; leptons are jets too."""
    import pythia8mc

    # Pythia's own finder: the built-in FastJet would print its banner into a page.
    return pythia8mc.SlowJet(-1, radius, pt, eta_max, 2, 2, None, False)


def _number_of_jets(finder: Any, event: Any) -> int:
    finder.analyze(event)
    return finder.sizeJet()


def _particles(event: Any) -> list[Any]:
    return [event[row] for row in range(event.size())]


def parton_jets(number: int, pt: float, radius: float) -> Any:
    """Hook that keeps events with at least `number` jets of partons.

    Parameters
    ----------
    number
        Least number of anti-kT jets, before hadronisation.
    pt
        Least transverse momentum of each [GeV].
    radius
        Radius parameter R; the jets have |η| < 3.

    Returns
    -------
    UserHooks
        For `pythia.batches`; its `tried` counts events.
    """
    finder = _jet_finder(pt, radius, 3.0)
    return _veto(partons=lambda event: _number_of_jets(finder, event) < number)


def multijets(early: bool) -> Any:
    """Hook that keeps events with six jets of partons, R = 0.4, above 24 GeV that sum to 540 GeV.

    Parameters
    ----------
    early
        Whether to look already when the shower has come down to 15 GeV, for six jets above 18 GeV
        and 480 GeV: softer emissions make no jet of their own, and most of the shower of most
        events is never made. Tops decay after that.

    Returns
    -------
    UserHooks
        For `pythia.batches`; its `tried` counts events.
    """

    def few(finder: Any, event: Any, least_sum: float) -> bool:
        number = _number_of_jets(finder, event)
        return number < 6 or sum(finder.pT(i) for i in range(number)) < least_sum

    soft, hard = (_jet_finder(pt, 0.4, 2.8) for pt in (18.0, 24.0))
    looked_at_early = (15.0, lambda event: few(soft, event, 480.0)) if early else None
    return _veto(down_to=looked_at_early, partons=lambda event: few(hard, event, 540.0))


def one_lepton() -> Any:
    """Hook that keeps events of which the hard process and its decays give one electron or muon.

    Returns
    -------
    UserHooks
        For `pythia.batches`; its `tried` counts events.
    """

    def other_number(process: Any) -> bool:
        return sum(particle.idAbs() in (11, 13) for particle in _particles(process)) != 1

    return _veto(hard=other_number)


def lepton_and_parton_jets() -> Any:
    """Hook that keeps events with a lepton of 10 GeV and four jets of partons above 18 GeV.

    The lepton is asked for before the shower, loosely, for what recoils against a top pair can
    still lift one over a threshold; the jets, of R = 0.4 in |η| < 2.8, after it.

    Returns
    -------
    UserHooks
        For `pythia.batches`; its `tried` counts events.
    """
    finder = _jet_finder(18.0, 0.4, 2.8)

    def no_lepton(process: Any) -> bool:
        return not any(
            particle.isFinal()
            and particle.idAbs() in (11, 13)
            and particle.pT() > 10.0
            and abs(particle.eta()) < 3.5
            for particle in _particles(process)
        )

    # The lepton is a jet to the finder.
    return _veto(hard=no_lepton, partons=lambda event: _number_of_jets(finder, event) <= 4)


def hard_leptons(least_pt: tuple[float, ...], jet_pt: float) -> Any:
    """Hook that keeps events with hard leptons, before they hadronise and before taus decay.

    Parameters
    ----------
    least_pt
        Least transverse momenta of electrons, muons and taus [GeV], falling.
    jet_pt
        Least transverse momentum of a jet of partons, R = 0.4, |η| < 2.8 [GeV]; 0 asks for none.

    Returns
    -------
    UserHooks
        For `pythia.batches`; its `tried` counts events.
    """
    finder = _jet_finder(jet_pt, 0.4, 2.8)

    def lepton_pt(event: Any) -> list[float]:
        leptons = (
            particle
            for particle in _particles(event)
            if particle.isFinal()
            and particle.idAbs() in _CHARGED_LEPTONS
            and abs(particle.eta()) < 4
        )
        return sorted((lepton.pT() for lepton in leptons), reverse=True)

    def soft(event: Any) -> bool:
        if any(pt < least for pt, least in zip(lepton_pt(event), least_pt, strict=False)):
            return True
        # The leptons are jets to the finder.
        return jet_pt > 0 and not (finder.analyze(event) and finder.sizeJet() > 1)

    return _veto(hard=lambda process: len(lepton_pt(process)) < len(least_pt), partons=soft)


def showered_partons(number: int, pt: float) -> Any:
    """Hook that keeps events with at least `number` partons above `pt` [GeV] in |η| < 3.

    They are counted when the showers have come down to `pt`: nothing softer has been made then, in
    particular few of the multiparton interactions, which cost most of an event.

    Parameters
    ----------
    number
        Least number of partons.
    pt
        Least transverse momentum of each [GeV].

    Returns
    -------
    UserHooks
        For `pythia.batches`; its `tried` counts events.
    """

    def few(event: Any) -> bool:
        partons = (
            particle
            for particle in _particles(event)[3:]
            if particle.isFinal() and (particle.idAbs() < 6 or particle.idAbs() == 21)
        )
        hard = sum(parton.pT() > pt and abs(parton.eta()) < 3 for parton in partons)
        return hard < number

    return _veto(down_to=(pt, few))
