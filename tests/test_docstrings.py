"""Every public function, class and method of the library can be called from its docstring alone.

What numpydoc must find of everything in the ``__all__`` of every module: a docstring; each
parameter by its name, with a description, and none that there is not; a section on what comes back,
unless the summary gives its shape. The fields of a data class stand under Attributes or Parameters,
or in the base class that the docstring names. And what a function raises itself stands there too.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import inspect
import pkgutil
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, is_dataclass
from functools import cached_property
from typing import Any

import pytest
from numpydoc.docscrape import get_doc_object
from numpydoc.validate import Validator, validate

import hepml_lib

CODES = {
    "GL08": "no docstring",
    "PR01": "a parameter without a word",
    "PR02": "a parameter that there is not",
    "PR07": "a parameter without a description",
    "PR10": "no space before the colon of a type",
    "RT01": "no word on what is returned",
    "RT03": "a return value without a description",
    "YD01": "no word on what is yielded",
}


class Docstring(Validator):
    """numpydoc's reading of a docstring, with the fields of a class wherever they are described."""

    # No comment beside the code switches a check off; nor is its file read, which takes long.
    source_file_name = None
    source_file_def_line = None

    def __init__(self, public: Any) -> None:
        # Else numpydoc makes Attributes of all properties.
        super().__init__(get_doc_object(public, config={"show_class_members": False}))

    @property
    def signature_parameters(self) -> tuple[str, ...]:
        names = super().signature_parameters
        # A protocol, or a class whose constructor is that of another library.
        return () if self.obj_is_class and names == ("*args", "**kwargs") else names

    @property
    def doc_all_parameters(self) -> dict[str, Any]:
        described = self._doc_parameters(["Parameters", "Other Parameters"])
        if not self.obj_is_class:
            return described
        fields = self._doc_parameters(["Attributes"])
        for base in self.obj.__mro__[1:]:
            if base.__module__.startswith("hepml_lib") and base.__name__ in self.raw_doc:
                fields = Docstring(base).doc_all_parameters | fields
        return described | {x: fields[x] for x in fields if x in self.signature_parameters}

    @property
    def obj_is_class(self) -> bool:
        return inspect.isclass(self.obj)


def faults(public: Any) -> list[str]:
    """What is wrong with the docstring of a public object, with the codes of numpydoc."""
    codes = set(CODES)
    docstring = inspect.getdoc(public) or ""
    if "shape (" in docstring.split("\n\n")[0]:
        codes.remove("RT01")
    if str(getattr(public, "__annotations__", {}).get("return")).endswith("Iterator[None]"):
        codes.remove("YD01")  # a context manager that hands over nothing
    errors = validate(public, validator_cls=lambda obj_name: Docstring(obj_name))["errors"]
    silent = {
        error.__name__
        for error in raised(public)
        if not any(kind.__name__ in docstring for kind in error.__mro__)
    }
    return [f"{code} {message}" for code, message in errors if code in codes] + sorted(silent)


def raised(public: Any) -> set[type[Exception]]:
    """Built-in exceptions in the ``raise`` statements of a function, outside of ``try``."""
    if inspect.isclass(public):
        constructor = vars(public).get("__post_init__" if is_dataclass(public) else "__init__")
        if getattr(constructor, "__module__", None) != public.__module__:
            return set()  # none of its own; that of a protocol is Python's
        public = constructor
    function = getattr(public, "fget", None) or getattr(public, "func", None) or public
    code = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    pending, found = list(ast.iter_child_nodes(code)), set()
    while pending:
        node = pending.pop()
        if isinstance(node, (ast.FunctionDef, ast.Lambda, ast.Try)):
            continue
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            found.add(getattr(builtins, ast.unparse(node.exc.func), NotImplementedError))
        pending += ast.iter_child_nodes(node)
    return found - {NotImplementedError}


def members(public: type) -> Iterator[tuple[str, Any]]:
    """Methods and properties that a class defines itself."""
    for name, member in vars(public).items():
        if name.startswith("_") and name != "__call__":
            continue
        if isinstance(member, (staticmethod, classmethod)):
            member = member.__func__
        is_field = name in getattr(public, "__dataclass_fields__", {})
        if (inspect.isfunction(member) and not is_field) or isinstance(
            member, (property, cached_property)
        ):
            yield name, member


def modules() -> Iterator[Any]:
    """All modules of the library, less those for which numba would have to be there."""
    for module in pkgutil.walk_packages(hepml_lib.__path__, "hepml_lib."):
        try:
            yield importlib.import_module(module.name)
        except ModuleNotFoundError as error:
            if error.name != "numba":  # of the extra for new events, which not every platform has
                raise


def public_objects() -> dict[str, Any]:
    """Functions and classes in the ``__all__`` of all modules, with methods and properties."""
    found: dict[str, Any] = {}
    for module in modules():
        for public in (getattr(module, name, None) for name in getattr(module, "__all__", ())):
            if not (inspect.isfunction(public) or inspect.isclass(public)):
                public = inspect.unwrap(public)  # one that is compiled, or remembers its results
                if not inspect.isfunction(public):
                    continue
            if public.__module__.startswith("hepml_lib"):
                place = f"{public.__module__}.{public.__qualname__}"
                found[place] = public
                if inspect.isclass(public):
                    found |= {f"{place}.{name}": member for name, member in members(public)}
    return found


def test_every_public_object_can_be_called_from_its_docstring() -> None:
    found = {name: faults(public) for name, public in public_objects().items()}
    assert len(found) > 600
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def transverse_mass(pt: float, phi: float) -> float:
    """Mass of a lepton and missing momentum [GeV].

    Parameters
    ----------
    pt
        Transverse momentum [GeV].
    angle
        Azimuth between the two [rad].
    """
    if pt < 0:
        raise ValueError("a transverse momentum is not negative")
    return pt * phi


@dataclass
class MassWindow:
    """Masses that are kept.

    Attributes
    ----------
    low
    """

    low: float
    high: float

    @property
    def width(self) -> float:
        return self.high - self.low

    def keep(self, mass: float) -> bool:
        """Whether a mass is kept, shape ().

        Parameters
        ----------
        mass
            Mass [GeV].
        """
        return self.low < mass < self.high


@pytest.mark.parametrize(
    ("public", "wrong"),
    [
        (transverse_mass, ["PR01", "PR02", "RT01", "ValueError"]),
        (MassWindow, ["PR01", "PR07"]),
        (MassWindow.width, ["GL08"]),
        (MassWindow.keep, []),
    ],
)
def test_what_a_docstring_lacks_is_found(public: Any, wrong: list[str]) -> None:
    assert sorted(fault.split()[0] for fault in faults(public)) == wrong


def test_methods_and_properties_of_a_class_are_looked_at_and_fields_are_not() -> None:
    assert [name for name, _ in members(MassWindow)] == ["width", "keep"]
