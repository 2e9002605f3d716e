"""Time of `import hepml_lib`, best of five fresh interpreters; at most half a second."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_LIMIT = 0.5
_ROOT = Path(__file__).resolve().parents[2]
_TIMED = """
import time
start = time.perf_counter()
import hepml_lib
hepml_lib.settings.seed("import")
print(time.perf_counter() - start)
"""


def seconds() -> float:
    """Seconds for the package and its settings, without the start of the interpreter."""
    outputs = [
        subprocess.check_output([sys.executable, "-c", _TIMED], cwd=_ROOT, text=True)
        for _ in range(5)
    ]
    return min(map(float, outputs))


if __name__ == "__main__":
    taken = seconds()
    print(f"import hepml_lib: {taken:.3f} s (limit {_LIMIT} s)")
    sys.exit(taken >= _LIMIT)
