"""All-hadronic top pairs in multijets: a search whose background must come from data."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib.samples import clustering, detector, layout, pythia
from hepml_lib.samples.columns import Columns, gather, join
from hepml_lib.samples.detector import ParticleTable, take
from hepml_lib.samples.jets import number_near, steps
from hepml_lib.samples.recipe import Chunk, Recipe
from hepml_lib.samples.storage import round_mantissa
from hepml_lib.samples.truth import heavy_hadrons

__all__ = ["B_TAG", "RECIPE", "make", "parton_jets", "select"]

RADIUS, LARGE_RADIUS = 0.4, 1.0
JET_PT, LARGE_JET_PT = 30.0, 200.0
JET_ETA = 2.4
JETS = 6
HT = 600.0
ANGLE_STEP = 2.0**-7
BATCH = 250

B_TAG = {5: 0.75, 4: 0.15, 0: 0.01}
"""Probability that a jet is b tagged, by flavour (ours, of the size of a medium working point)."""

W_MASS, W_WIDTH, TOP_WIDTH = 80.4, 11.0, 22.0

QCD, TTBAR = 0, 1
CARDS = ("multijet_search_qcd", "multijet_search_ttbar")
ONE_IN = 5
"""One event in so many is a top pair."""

# Measured [pb], with a statistical error of 0.9 % and 0.8 %.
_CROSS_SECTION = (2169.0, 15.57)


def make(chunk: Chunk, entries: int) -> Columns:
    """Columns of one chunk: four QCD events to one of top pairs, shuffled.

    Parameters
    ----------
    chunk
        Which chunk; it decides every seed.
    entries
        Events to make.
    """
    ttbar = entries // ONE_IN
    parts = [_events(chunk, QCD, entries - ttbar), _events(chunk, TTBAR, ttbar)]
    order = chunk.rng(9).permutation(entries)
    return join(parts, order)


def _events(chunk: Chunk, process: int, entries: int) -> Columns:
    """Generate one process until it has given enough events."""
    rng = chunk.rng(process)
    # The two processes count their events from different numbers.
    offset = chunk.event(500_000 * process)
    hook = parton_jets(early=process == QCD)
    # However few are asked for, a batch holds some that pass.
    size = min(BATCH, 20 + 4 * entries)
    source = pythia.batches(CARDS[process], chunk.pythia_seed(process), size, hook)

    def batches() -> Iterator[Columns]:
        for number, batch in enumerate(source):
            part = select(pythia.records(batch.prt), rng)
            yield part | {"event": part["event"] + (offset + number * size)}

    return gather(batches(), entries) | {
        "process": ak.Array(np.full(entries, process, np.int8)),
        "split": ak.Array(np.full(entries, chunk.code, np.int8)),
        "weight": ak.Array(np.ones(entries, np.float32)),
        "cross_section": ak.Array(np.full(entries, _CROSS_SECTION[process], np.float32)),
    }


def parton_jets(early: bool) -> Any:
    """Hook that drops events with too few jets of partons before they hadronise.

    At the end of the shower six jets above 24 GeV must sum to 540 GeV. `early` looks already when
    it has come down to 15 GeV, for six above 18 GeV and 480 GeV: softer emissions make no jet
    of their own, and most of the shower of most events is never made. Tops decay after that.
    """
    import pythia8mc

    class PartonJets(pythia8mc.UserHooks):
        def __init__(self) -> None:
            super().__init__()
            self.tried = 0
            self.early, self.late = (
                pythia8mc.SlowJet(-1, RADIUS, pt, 2.8, 2, 2, None, False) for pt in (18.0, 24.0)
            )

        def canVetoPT(self) -> bool:
            return early

        def scaleVetoPT(self) -> float:
            return 15.0

        def doVetoPT(self, position: int, event: Any) -> bool:
            self.tried += 1
            return _few(self.early, event, JETS, 480.0)

        def canVetoPartonLevel(self) -> bool:
            return True

        def doVetoPartonLevel(self, event: Any) -> bool:
            self.tried += not early
            return _few(self.late, event, JETS, 540.0)

    return PartonJets()


def _few(finder: Any, event: Any, least: int, ht: float) -> bool:
    """Whether an event has fewer jets or a smaller sum of their transverse momenta."""
    finder.analyze(event)
    number = finder.sizeJet()
    return number < least or sum(finder.pT(i) for i in range(number)) < ht


def select(table: ParticleTable, rng: np.random.Generator) -> Columns:
    """Events of a batch with six jets and enough transverse momentum, as columns.

    Parameters
    ----------
    table
        Columns of `pythia.records`.
    rng
        Fluctuations of the detector and of the b tag.
    """
    candidates = detector.respond(pythia.stable(table), rng).candidates
    jets, _ = clustering.anti_kt(candidates, RADIUS, JET_PT)
    jets = take(jets, np.abs(jets["eta"]) < JET_ETA)
    jets = take(jets, np.lexsort((-jets["pt"], jets["event"])))
    events = int(table["event"].max()) + 1
    ht = np.bincount(jets["event"], jets["pt"], events)
    passed = (np.bincount(jets["event"], minlength=events) >= JETS) & (ht > HT)
    jets = take(jets, passed[jets["event"]])
    jets["flavour"] = _flavour(table, jets)
    jets["b_tag"] = _b_tag(jets["flavour"], rng)
    kept = np.flatnonzero(passed)
    chosen = take(candidates, passed[candidates["event"]])
    large, _ = clustering.anti_kt(chosen, LARGE_RADIUS, LARGE_JET_PT)
    flat = {"ht": ht[kept], **_shapes(jets), **_tops(jets), **_largest(large, events, kept)}
    counts = np.bincount(jets["event"], minlength=events)[kept]
    tags = np.bincount(jets["event"], jets["b_tag"], events)[kept]
    return (
        {"event": ak.Array(kept)}
        | {name: ak.Array(round_mantissa(value, 9)) for name, value in flat.items()}
        | {"jet_count": ak.Array(counts.astype(np.int8)), "b_count": ak.Array(tags.astype(np.int8))}
        | {f"jets_{name}": ak.unflatten(value, counts) for name, value in _stored(jets).items()}
    )


def _stored(jets: ParticleTable) -> ParticleTable:
    """Columns of the jets, at the precision of the file."""
    return (
        {name: round_mantissa(jets[name], bits) for name, bits in (("pt", 7), ("mass", 5))}
        | {name: steps(jets[name], ANGLE_STEP) for name in ("eta", "phi")}
        | {name: jets[name].astype(np.int8) for name in ("b_tag", "flavour")}
    )


def _flavour(table: ParticleTable, jets: ParticleTable) -> NDArray[np.int64]:
    """5 for jets with a b hadron above 5 GeV within 0.3, else 4 for a c hadron, else 0."""
    hadrons = heavy_hadrons(table, 5.0)
    b, c = (
        number_near(jets, take(hadrons, hadrons["quark"] == quark), 0.3) > 0 for quark in (5, 4)
    )
    return np.select([b, c], [5, 4], 0)


def _b_tag(flavour: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.bool_]:
    chance = np.select([flavour == 5, flavour == 4], [B_TAG[5], B_TAG[4]], B_TAG[0])
    return rng.random(len(flavour)) < chance


def _momenta(jets: ParticleTable) -> NDArray[np.float64]:
    """`px, py, pz, E` of jets, shape (jets, 4)."""
    pt, eta, phi, mass = (jets[name] for name in ("pt", "eta", "phi", "mass"))
    px, py, pz = pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)
    return np.stack([px, py, pz, np.sqrt(pt**2 + pz**2 + mass**2)], axis=1)


def _shapes(jets: ParticleTable) -> ParticleTable:
    """Sphericity 3/2 (λ₂ + λ₃) and aplanarity 3/2 λ₃ of the jets' momentum tensor, λ₁ ≥ λ₂ ≥ λ₃."""
    event = np.unique(jets["event"], return_inverse=True)[1]
    momenta = _momenta(jets)[:, :3]
    tensor = np.zeros((event.max() + 1 if len(event) else 0, 3, 3))
    np.add.at(tensor, event, momenta[:, :, None] * momenta[:, None, :])
    tensor /= np.trace(tensor, axis1=1, axis2=2)[:, None, None]
    third, second, _ = np.linalg.eigvalsh(tensor).T
    return {"sphericity": 1.5 * (second + third), "aplanarity": 1.5 * np.maximum(third, 0)}


def _assignments() -> NDArray[np.int64]:
    """The 90 ways to make two tops of six jets: columns W, W, b of one, W, W, b of the other."""
    orders = permutations(range(6))
    return np.array([o for o in orders if o[0] < o[1] and o[3] < o[4] and o[2] < o[5]])


_ASSIGNMENTS = _assignments()


def _tops(jets: ParticleTable) -> ParticleTable:
    """Top pair of the six hardest jets with the smallest χ²; b tags are not used.

    χ² = Σ (m(W) − 80.4)²/σ(W)² + (m(t₁) − m(t₂))²/σ(Δ)², with resolutions of ours.
    """
    rank = np.arange(len(jets["event"])) - np.searchsorted(jets["event"], jets["event"])
    momenta = _momenta(take(jets, rank < JETS)).reshape(-1, JETS, 4)[:, _ASSIGNMENTS]
    halves = momenta.reshape(len(momenta), len(_ASSIGNMENTS), 2, 3, 4)
    bosons, tops = _mass(halves[..., :2, :].sum(axis=-2)), _mass(halves.sum(axis=-2))
    chi2 = ((bosons - W_MASS) ** 2).sum(axis=-1) / W_WIDTH**2
    chi2 += (tops[..., 0] - tops[..., 1]) ** 2 / TOP_WIDTH**2
    best = np.arange(len(chi2)), chi2.argmin(axis=1)
    return {
        "chi2": chi2[best],
        "w_mass": bosons[best].mean(axis=-1),
        "top_mass": tops[best].mean(axis=-1),
    }


def _mass(momenta: NDArray[np.float64]) -> NDArray[np.float64]:
    square = momenta[..., 3] ** 2 - (momenta[..., :3] ** 2).sum(axis=-1)
    return np.sqrt(np.maximum(square, 0))


def _largest(large: ParticleTable, events: int, kept: NDArray[np.int64]) -> ParticleTable:
    """Transverse momentum and mass of the hardest large-radius jet, 0 where there is none."""
    rows = np.flatnonzero(np.abs(large["eta"]) < JET_ETA)
    rows = rows[np.argsort(large["pt"][rows], kind="stable")]
    columns = {}
    for name in ("pt", "mass"):
        value = np.zeros(events)
        # Of several jets of an event the last one stays, and that is the hardest.
        value[large["event"][rows]] = large[name][rows]
        columns[f"large_jet_{name}"] = value[kept]
    return columns


_TEXT = """\
Definition
    Proton-proton at 13.6 TeV without pileup: events with at least six anti-kT jets of R = 0.4 above
    30 GeV, |eta| < 2.4, whose pT sum to more than 600 GeV, as a trigger on jets would ask for.
    QCD: two partons collide (HardQCD) and the shower makes the other jets. Top pairs: both W decay
    to quarks. There are four QCD events to one top pair in the file; `cross_section` has the true
    proportion.
Detector
    Version 1 of the book's parametric detector. The b tag is a random number: 75 % for b jets, 15 %
    for c jets, 1 % for others, whatever their pT (ours, of the size of a medium working point).
    `flavour` is that of the heaviest weakly decaying hadron above 5 GeV within 0.3 of the jet.
Event
    `ht`, and sphericity and aplanarity of the momentum tensor, from all jets. `chi2`, `w_mass` and
    `top_mass`: of the 90 ways to make two tops of the six hardest jets the one with the smallest
    chi2 = sum (m_W - 80.4)^2/11^2 + (m_t - m_t')^2/22^2 [GeV]; the masses are means of the two
    candidates. b tags play no part in it, nor do top masses: QCD has no peak at the top.
    `large_jet_*`: the hardest anti-kT jet of R = 1.0 above 200 GeV, |eta| < 2.4, not groomed.
Normalisation
    Leading order, after the selection: QCD 2169 pb, top pairs 15.6 pb (0.9 % and 0.8 % from
    statistics). The rates of QCD at leading order are uncertain by tens of percent: a search
    must take them from data. Of QCD events 6.9 % have two or more b tags, of top pairs 50 %.
Precision
    Event features, made of unrounded jets, to 10 significant bits (0.1 %); of the jets pT to 8
    (0.4 %), masses to 6 (1.6 %), angles in steps of 7.8 mrad.
Limits
    No multiparton interactions: jets from other interactions of the same protons are missing, and
    QCD has no four-jet matrix element. QCD starts at pTHat = 170 GeV, where in a study (5 +- 1) %
    of the events came from 150 to 170 GeV. Events with too few jets of partons are dropped early,
    which takes (2 +- 1) % of QCD and (0.6 +- 0.3) % of top pairs.
"""

_FIELDS = {
    "event": "int64         identity of the collision, unique in the whole book",
    "split": "int8          0 train, 1 validation, 2 test",
    "process": "int8          0 QCD, 1 top pair",
    "cross_section": "float32  pb   of the process, after the selection",
    "weight": "float32       generator weight, 1",
    "ht": "float32  GeV  sum of the jets' transverse momenta",
    "jet_count": "int8          number of jets",
    "b_count": "int8          number of b-tagged jets",
    "sphericity": "float32       3/2 of the two smaller eigenvalues: 0 pencil, 1 sphere",
    "aplanarity": "float32       3/2 of the smallest eigenvalue: 0 plane, 1/2 sphere",
    "chi2": "float32       of the best pair of top candidates",
    "w_mass": "float32  GeV  mean mass of its two W candidates",
    "top_mass": "float32  GeV  mean mass of its two top candidates",
    "large_jet_pt": "float32  GeV  of the hardest large jet, 0 for none",
    "large_jet_mass": "float32  GeV  its mass, 0 for none",
    "jets": "list of pt, eta, phi, mass [GeV, rad], hardest first, with b_tag (int8: 0 or 1) and "
    "flavour (int8, truth: 5 b, 4 c, 0 other)",
}

RECIPE = Recipe(
    name="multijet_search",
    title="all-hadronic top pairs and multijets, for a background from data",
    number=7,
    version=1,
    text=_TEXT,
    fields=_FIELDS,
    chunk=1000,
    committed={"train": 10_000, "validation": 2_000, "test": 8_000},
    share=1.5,
    packages=("pythia8mc", "fastjet", "numpy", "awkward"),
    cards=CARDS,
    make=make,
    decode=layout.decode,
    needs={},
)
