"""What only notebooks import: figures that respond, exercises that grade, results that are kept."""

from __future__ import annotations

__all__ = ["exercises", "explore", "results"]
