"""Made-up jets, the same as in the tests of tagging."""

from tests.tagging.conftest import made_up_jets

__all__ = ["made_up_jets"]
