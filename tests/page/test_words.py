"""Words of figures: read from the file beside the notebook, and refused if they will not do."""

from __future__ import annotations

from pathlib import Path

import pytest

from hepml_lib.page.words import figure_words, read

ROOT = Path(__file__).resolve().parents[2]
GOOD = """
[roc]
alt = \"\"\"
Rejection against efficiency on a logarithmic axis,
one curve above the other.\"\"\"
caption = "The network rejects more than the cut."

[mass]
alt = "Two histograms of the mass, one with a peak."
caption = "Top jets peak at the mass of the top quark."
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "page.figures.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_wrapped_text_becomes_one_line(tmp_path: Path) -> None:
    words = read(write(tmp_path, GOOD))
    assert list(words) == ["roc", "mass"]
    assert words["roc"] == {
        "alt": "Rejection against efficiency on a logarithmic axis, one curve above the other.",
        "caption": "The network rejects more than the cut.",
    }


def test_an_unknown_name_brings_the_nearest(tmp_path: Path) -> None:
    words = read(write(tmp_path, GOOD))
    with pytest.raises(KeyError, match="no figure 'rok'; did you mean 'roc'"):
        words["rok"]
    with pytest.raises(KeyError, match="it has roc, mass"):
        words["training"]


def test_found_beside_the_notebook_and_from_the_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "book" / "start").mkdir(parents=True)
    path = write(tmp_path / "book" / "start", GOOD)
    for folder in (tmp_path / "book" / "start", tmp_path, tmp_path / "book"):
        monkeypatch.chdir(folder)
        assert figure_words("page").path == path
    with pytest.raises(
        FileNotFoundError, match=r"tuor\.figures\.toml .* belongs beside tuor\.ipynb"
    ):
        figure_words("tuor")


@pytest.mark.parametrize("path", sorted((ROOT / "book").rglob("*.figures.toml")), ids=str)
def test_the_files_of_the_book_can_be_read(path: Path) -> None:
    assert read(path)
    assert path.with_name(path.name.replace(".figures.toml", ".ipynb")).exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[roc\n", "is not valid TOML"),
        (GOOD + GOOD, "is not valid TOML"),  # one name twice
        (GOOD.replace("caption", "Caption", 1), "figure 'roc': caption missing"),
        (GOOD + "captoin = 'x'", "figure 'mass': unknown captoin"),
        ("[roc]", "alt and caption missing; it has nothing"),
        ("roc = 'a curve'", "write it as a table"),
        ("[roc]\nalt = 3\ncaption = 'x'", "alt must be text"),
        ("[roc]\nalt = 'A curve.'\ncaption = 'It rises.'", "describe the figure"),
        (GOOD.replace("the mass of", "$m$ of"), "figure 'mass': caption is plain text"),
        (GOOD + GOOD.replace("mass]", "mass 2]").partition("[mass 2]")[2].join(["[b]", ""]),
         "'mass' and 'b' have the same alt"),
    ],
)  # fmt: skip
def test_what_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ValueError, match=message) as refusal:
        read(path)
    assert path.name in str(refusal.value)
