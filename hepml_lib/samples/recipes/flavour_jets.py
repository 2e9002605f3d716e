"""Jets of top pairs with their tracks, impact parameters and the truth of both, to tag b and c."""

from __future__ import annotations

from collections.abc import Iterator

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib import kinematics
from hepml_lib.samples import ancestry, clustering, detector, jets, layout, pythia
from hepml_lib.samples.columns import Columns, constant, gather
from hepml_lib.samples.detector import ParticleTable, take
from hepml_lib.samples.recipe import Chunk, Recipe
from hepml_lib.samples.storage import round_mantissa

__all__ = ["KEPT", "RECIPE", "decode", "make", "select"]

RADIUS = 0.4
JET_PT = 20.0
ETA_MAX = 2.5
TRACK_PT = 0.5
MOST = 40
LEPTON_PT, LEPTON_RADIUS = 10.0, 0.3

LIGHT, CHARM, BEAUTY, TAU = 0, 4, 5, 15
KEPT = {LIGHT: 0.4, CHARM: 1.0, BEAUTY: 0.5, TAU: 1.0}
"""Share of the jets of each label that enters the sample; the inverse is their weight."""

AXIS_STEP, ANGLE_STEP = 2.0**-10, 2.0**-10
D0_STEP, Z0_STEP = 2.0**-10, 2.0**-8
BATCH = 100
CARD = "flavour_jets_ttbar"


def make(chunk: Chunk, entries: int) -> Columns:
    """Columns of one chunk: jets of top pairs, shuffled.

    Parameters
    ----------
    chunk
        Which chunk; it decides every seed.
    entries
        Jets to make.
    """
    rng = chunk.rng(0)

    def batches() -> Iterator[Columns]:
        for number, batch in enumerate(pythia.batches(CARD, chunk.pythia_seed(0), BATCH)):
            part = select(pythia.records(batch.prt), rng)
            yield part | {"event": part["event"] + chunk.event(number * BATCH)}

    columns = gather(batches(), entries) | constant(entries, split=np.int8(chunk.code))
    order = chunk.rng(9).permutation(entries)
    return {name: column[order] for name, column in columns.items()}


def select(table: ParticleTable, rng: np.random.Generator) -> Columns:
    """Jets of a batch of event records, as columns; `event` counts from 0.

    Parameters
    ----------
    table
        Columns of `pythia.records`.
    rng
        Fluctuations of the detector, and which jets enter.
    """
    particles, decays = pythia.stable(table), ancestry.weak_decays(table)
    candidates = detector.respond(particles, rng).candidates
    found, _ = clustering.anti_kt(candidates, RADIUS, JET_PT)
    leptons = pythia.directions(take(table, ancestry.prompt_leptons(table)))
    leptons = take(leptons, leptons["pt"] > LEPTON_PT)
    inside = np.abs(found["eta"]) < ETA_MAX
    inside &= jets.number_near(found, leptons, LEPTON_RADIUS) == 0
    # Tracks go to the nearest of all jets: those that leave the sample take theirs along.
    flavour, hadron = ancestry.jet_labels(found, decays)
    share = np.array(list(KEPT.values()))[np.searchsorted(list(KEPT), flavour)]
    inside &= rng.random(len(flavour)) < share
    truth = _hadrons(table, decays, hadron)
    truth |= {"label": flavour, "weight": (1 / share).astype(np.float32)}
    columns = _tracks(table, particles, candidates, decays, found)
    axes = take(found, inside)
    return (
        {name: ak.Array(round_mantissa(axes[name], 12)) for name in ("pt", "mass")}
        | {name: ak.Array(jets.steps(axes[name], AXIS_STEP)) for name in ("eta", "phi")}
        | {"event": ak.Array(axes["event"])}
        | {name: ak.Array(column[inside]) for name, column in truth.items()}
        | {"generated_pt": jets.nearest_generated(particles, axes, RADIUS, 5.0)["generated_pt"]}
        | {name: column[inside] for name, column in columns.items()}
    )


def _hadrons(table: ParticleTable, decays: ParticleTable, row: NDArray[np.int64]) -> ParticleTable:
    """What a jet is labelled by: code, momentum, flight, charged daughters; 0 for none."""
    start = {axis: table[axis][decays["record"]] for axis in ("x", "y")}
    transverse = np.hypot(decays["x"] - start["x"], decays["y"] - start["y"])
    columns: ParticleTable = {
        "id": decays["id"].astype(np.int16),
        "pt": round_mantissa(decays["pt"], 10),
        "lxy": round_mantissa(transverse, 8),
        "flight": round_mantissa(decays["flight"], 8),
        "charged": decays["charged"].astype(np.int8),
    }
    # Row -1 is the last one: put a zero there.
    return {
        f"hadron_{name}": np.concatenate([column, np.zeros(1, column.dtype)])[row]
        for name, column in columns.items()
    }


def _tracks(
    table: ParticleTable,
    particles: ParticleTable,
    candidates: ParticleTable,
    decays: ParticleTable,
    axes: ParticleTable,
) -> Columns:
    """Tracks near each jet with their origins, and the decays that these stem from."""
    row = np.flatnonzero((candidates["charge"] != 0) & (candidates["pt"] > TRACK_PT))
    jet = jets.match(take(candidates, row), axes, RADIUS)
    row, jet = row[jet >= 0], jet[jet >= 0]
    order = np.lexsort((-candidates["pt"][row], jet))
    row, jet = row[order], jet[order]
    kept = np.arange(len(jet)) - np.searchsorted(jet, jet) < MOST
    row, jet = row[kept], jet[kept]
    one = take(candidates, row)
    origin, decay = ancestry.origins(table, decays, particles["record"][one["particle"]])
    vertices, vertex = _vertices(decays, jet, decay, len(axes["event"]))
    flat = {
        "pt": round_mantissa(one["pt"], 10),
        "eta": jets.steps(one["eta"] - axes["eta"][jet], ANGLE_STEP),
        "phi": jets.steps(kinematics.wrap_phi(one["phi"] - axes["phi"][jet]), ANGLE_STEP),
        "charge": one["charge"],
        "kind": one["kind"],
        "d0": jets.steps(one["d0"], D0_STEP),
        "z0": jets.steps(one["z0"], Z0_STEP),
        "d0_error": round_mantissa(one["d0_error"], 5),
        "z0_error": round_mantissa(one["z0_error"], 5),
        "origin": origin,
        "vertex": vertex,
    }
    counts = np.bincount(jet, minlength=len(axes["event"]))
    return {
        f"tracks_{name}": ak.unflatten(value, counts) for name, value in flat.items()
    } | vertices


def _vertices(
    decays: ParticleTable, jet: NDArray[np.int64], decay: NDArray[np.int64], number: int
) -> tuple[Columns, NDArray[np.int8]]:
    """Decays that the tracks of each jet stem from and their ancestors; the place of each track's.

    Parameters
    ----------
    decays
        As `ancestry.weak_decays` gives them.
    jet, decay
        Jet and row of `decays` (-1 for none) of every track.
    number
        How many jets there are.
    """
    many = len(decays["event"]) + 1
    mother = np.append(decays["mother"], -1)
    # One number for a pair of jet and decay; the decay of -1 is the last of each jet.
    pairs = np.unique(jet * many + decay % many)
    while True:
        above = pairs - pairs % many + mother[pairs % many] % many
        if np.isin(above, pairs).all():
            break
        pairs = np.union1d(pairs, above)
    pairs = pairs[pairs % many < many - 1]
    owner, row = pairs // many, pairs % many
    first = np.searchsorted(owner, np.arange(number))

    def place(jet: NDArray[np.int64], decay: NDArray[np.int64]) -> NDArray[np.int8]:
        found = np.searchsorted(pairs, jet * many + decay) - first[jet]
        return np.where(decay >= 0, found, -1).astype(np.int8)

    flat = {
        "id": decays["id"][row].astype(np.int16),
        "pt": round_mantissa(decays["pt"][row], 8),
        **{axis: round_mantissa(decays[axis][row], 8) for axis in ("x", "y", "z")},
        "charged": decays["charged"][row].astype(np.int8),
        "mother": place(owner, decays["mother"][row]),
    }
    counts = np.bincount(owner, minlength=number)
    columns = {f"vertices_{name}": ak.unflatten(value, counts) for name, value in flat.items()}
    return columns, place(jet, decay)


def decode(columns: Columns) -> ak.Array:
    """Jets as the reader sees them, with absolute angles of the tracks."""
    if "tracks_eta" in columns:
        phi = columns["tracks_phi"] + columns["phi"]
        wrapped = kinematics.wrap_phi(ak.to_numpy(ak.flatten(phi)))
        columns = columns | {
            "tracks_eta": columns["tracks_eta"] + columns["eta"],
            "tracks_phi": ak.unflatten(wrapped, ak.num(phi)),
        }
    return layout.decode(columns)


_TEXT = """\
Definition
    Proton-proton collisions at 13.6 TeV from Pythia 8 (Monash tune), no pileup: top pairs, all
    decays of both W. Jets: anti-kT of R = 0.4 on all candidates, pT > 20 GeV, |eta| < 2.5, none
    with a prompt electron or muon of more than 10 GeV within 0.3. Of the light jets 40 % enter at
    random, of the b jets 50 %, all c and tau jets, so that 41 % are light, 23 % c, 33 % b, 3 % tau.
    `weight` undoes it: of the jets of top pairs 52 % are light, 12 % c, 34 % b, 2 % tau.
Detector
    Version 1 of the book's parametric detector. The collision is at x = y = z = 0 and known: the
    spread of the beam and the error of the primary vertex are left out. Above 30 GeV the median
    response of the jets is 0.99 and their resolution 7 %; no calibration follows.
Label
    5, 4, 15 or 0 in the order b, c, tau, light. A weakly decaying b or c hadron, or a tau of a W
    that decays to hadrons, with pT > 5 GeV, belongs to the nearest jet within 0.3. `hadron_*` is
    what the label is due to, the hardest if there are several.
Tracks
    pT > 0.5 GeV within 0.4 of the axis, each in the nearest jet only, at most 40, hardest first. d0
    has the sign of -x sin(phi) + y cos(phi) at the point nearest to the beam. The sign of lifetime,
    positive where a track crosses the axis ahead of the collision, is that of
    d0 sin(phi_jet - phi_track). With it 35 % of the tracks above 1 GeV in b jets have
    d0 / d0_error > 3, 11 % in c jets, 3 % in light jets; below -3 are 5 %, 3 % and 2 %.
Truth
    `origin` of a track, by its last weak decay: 1 primary, 2 of a b hadron, 3 of a c hadron that is
    of a b hadron, 4 of another c hadron, 5 of a tau, 6 of a strange hadron (K0_S, Lambda and other
    hyperons) whatever that stems from; 0, pileup, does not occur here. `vertices` are the decays
    that the tracks stem from, and those that these stem from in turn; every decay counts, however
    near to another. `vertex` of a track is its place in that list, -1 for the collision itself.
Precision
    Jets: pT and mass to 13 significant bits, angles in steps of 0.98 mrad. Tracks: pT to 11 bits,
    angles from the axis in steps of 0.98 mrad, d0 in steps of 1 micrometre, z0 of 4, their errors
    to 6 bits. Vertices to 9 bits (0.2 %).
Limits
    Leading order with parton shower. No conversions, no nuclear interactions, no fake tracks, no
    loss in dense jets; decays far from the beam lose tracks by an exponential only. One track in
    twenty is measured 2.5 times worse than its error says, all others as it says. Jets of leptonic
    taus are left out.
"""

_FIELDS = {
    "pt": "float32  GeV  transverse momentum of the jet",
    "eta": "float32       pseudorapidity of the jet",
    "phi": "float32  rad  azimuth of the jet",
    "mass": "float32  GeV  mass of the jet",
    "event": "int64         identity of the collision, unique in the whole book",
    "split": "int8          0 train, 1 validation, 2 test",
    "label": "int8          5 b, 4 c, 15 tau, 0 light",
    "weight": "float32       jets of a top pair that this one stands for",
    "generated_pt": "float32  GeV  transverse momentum of the particle-level jet, 0 for none",
    "hadron_id": "int16         PDG code of the hadron or tau of the label, 0 for a light jet",
    "hadron_pt": "float32  GeV  its transverse momentum",
    "hadron_lxy": "float32  mm   its flight across the beam, from where it was produced",
    "hadron_flight": "float32  mm   its flight",
    "hadron_charged": "int8          stable charged particles of its decay, without those of "
    "further weak decays",
    "tracks": "list of pt, eta, phi, mass [GeV, rad], hardest first, with charge, kind (0 charged "
    "hadron, 3 electron, 4 muon), d0, z0, d0_error, z0_error [mm], and the truth: origin, vertex "
    "(int8)",
    "vertices": "list of the decays that tracks stem from: id (PDG code, int16), pt [GeV], x, y, z "
    "[mm], charged (int8), and mother (int8), the place in the list of what it stems from, -1 none",
}

RECIPE = Recipe(
    name="flavour_jets",
    title="jets of top pairs with tracks and impact parameters, to tag b and c",
    number=6,
    version=1,
    text=_TEXT,
    fields=_FIELDS,
    chunk=4000,
    committed={"train": 28_000, "validation": 4_000, "test": 24_000},
    share=7.0,
    packages=("pythia8mc", "fastjet", "numpy", "awkward"),
    cards=(CARD,),
    make=make,
    decode=decode,
    needs={"tracks": ("eta", "phi")},
)
