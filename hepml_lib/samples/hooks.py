"""Hooks that end hopeless events early, while Pythia makes them."""

from __future__ import annotations

from typing import Any

__all__ = ["hard_partons", "one_lepton"]


def one_lepton() -> Any:
    """Hook that keeps events of which the hard process and its decays give one electron or muon.

    The decays of resonances are known before anything radiates: what is dropped costs nothing.
    """
    import pythia8mc

    class OneLepton(pythia8mc.UserHooks):
        def canVetoProcessLevel(self) -> bool:
            return True

        def doVetoProcessLevel(self, process: Any) -> bool:
            return sum(process[row].idAbs() in (11, 13) for row in range(process.size())) != 1

    return OneLepton()


def hard_partons(number: int, pt: float) -> Any:
    """Hook that keeps events with so many partons above `pt` [GeV] in |η| < 3.

    They are counted when the showers have come down to `pt`: nothing softer has been made then, in
    particular few of the multiparton interactions, which cost most of an event.
    """
    import pythia8mc

    class HardPartons(pythia8mc.UserHooks):
        def canVetoPT(self) -> bool:
            return True

        def scaleVetoPT(self) -> float:
            return pt

        def doVetoPT(self, position: int, event: Any) -> bool:
            found = 0
            for row in range(3, event.size()):
                one = event[row]
                parton = one.isFinal() and (one.idAbs() < 6 or one.idAbs() == 21)
                found += parton and one.pT() > pt and abs(one.eta()) < 3
            return found < number

    return HardPartons()
