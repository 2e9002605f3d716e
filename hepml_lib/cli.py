"""The `hepml` command: data, training, models.

Every command is a thin door to a library function; import that function in your own code instead.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["main"]

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Samples, trainings and models of the book on machine learning in high-energy physics.",
)
data = typer.Typer(no_args_is_help=True, help="List, describe, make and check the samples.")
app.add_typer(data, name="data")


@data.command("list")
def data_list() -> None:
    """Print the name of every sample."""
    from hepml_lib import samples

    typer.echo("\n".join(samples.names()))


@data.command("describe")
def data_describe(name: str) -> None:
    """Print the data card of a sample."""
    from hepml_lib import samples

    typer.echo(samples.describe(name))


@data.command("make")
def data_make(
    name: Annotated[str | None, typer.Argument()] = None,
    events: Annotated[
        int | None, typer.Option(help="How many entries the split shall hold.")
    ] = None,
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "train",
    workers: Annotated[int, typer.Option(help="Processes that generate side by side.")] = 2,
    everything: Annotated[
        bool, typer.Option("--all", help="Make what is committed again, and compare.")
    ] = False,
) -> None:
    """Generate a sample into the cache; an interrupted call resumes where it stopped.

    With --all every committed sample is made again, or the one named, and its content is compared
    with the manifest; the exit code is 1 if one of them is not what it should be.
    """
    from hepml_lib import samples

    if everything:
        results = []
        for result in samples.reproduce(None if name is None else [name], workers=workers):
            typer.echo(result)
            results.append(result)
        raise typer.Exit(0 if all(result.good for result in results) else 1)
    if name is None or events is None:
        raise ValueError("say which sample and how many --events, or --all")
    samples.make(name, events=events, split=split, workers=workers)


@data.command("build")
def data_build(name: str) -> None:
    """Make the committed file of a sample anew, and its entry in the manifest."""
    from hepml_lib import samples

    typer.echo(samples.build(name))


@data.command("check")
def data_check(name: Annotated[str | None, typer.Argument()] = None) -> None:
    """Compare the committed samples with the hashes of the manifest."""
    from hepml_lib import samples

    samples.check(name)
    typer.echo("every file and every field agrees with the manifest")


@data.command("fetch")
def data_fetch(
    name: Annotated[str | None, typer.Argument()] = None,
    files: Annotated[
        int | None, typer.Option(help="How many files to get, from the first.")
    ] = None,
) -> None:
    """Download a public benchmark set and check it; without a name, list the sets."""
    from hepml_lib import samples
    from hepml_lib.samples import public

    if name is None:
        typer.echo("\n\n".join(map(public.describe, public.names())))
    else:
        typer.echo("\n".join(map(str, samples.fetch(name, files))))


@app.command()
def train(name: Annotated[str | None, typer.Argument()] = None) -> None:
    """Train a model of the book, such as tagging.pfn, and store weights and card.

    Without a name, list the models. A training that was stopped goes on where it was.
    """
    from hepml_lib import settings, training
    from hepml_lib.tagging import models as tagging
    from hepml_lib.trigger import models as trigger

    table = tagging.MODELS | trigger.MODELS
    if name is None:
        typer.echo("\n".join(table))
        return
    if name not in table:
        raise ValueError(settings.unknown_name("model", name, table))
    typer.echo(training.train_stored(table[name]))


@app.command()
def study(
    names: Annotated[
        list[str] | None, typer.Argument(help="Studies to run, one after another.")
    ] = None,
) -> None:
    """Measure anew what pages quote from data/results; without a name, list the studies."""
    from hepml_lib import studies

    for name, about in studies.STUDIES.items() if not names else ():
        needs = f"; needs {', '.join(about.needs)}" if about.needs else ""
        typer.echo(f"{name}: {about.measures}; {about.takes}{needs}")
    for name in names or ():
        studies.tool_versions(name)  # what is missing is named before hours have passed
    for name in names or ():
        typer.echo(studies.run(name))


@app.command()
def convert(
    source: Path,
    target: Annotated[Path, typer.Argument(help="File to write: .h5, .hdf5 or .parquet.")],
    tree: Annotated[
        str | None, typer.Option(help="TTree or RNTuple, where there are more.")
    ] = None,
    branches: Annotated[list[str] | None, typer.Option(help="Names or patterns to keep.")] = None,
) -> None:
    """Convert a ROOT file to HDF5 or Parquet."""
    from hepml_lib import formats

    formats.convert(source, target, tree=tree, branches=branches)


@app.command()
def models() -> None:
    """Print every trained model with the headline figure of its card."""
    from hepml_lib.nets import store

    for name in store.names():
        typer.echo(f"{name}: {store.card(name)['figure']}")


def main() -> None:
    """Entry point: errors that the user can mend are printed as one line.

    Raises
    ------
    SystemExit
        With status 2 after such an error, and as typer ends its commands.
    """
    try:
        app()
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        typer.echo(f"error: {error}", err=True)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
