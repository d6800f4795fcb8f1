"""Test vectors that lie beside the checkout. Where they are absent, tests skip and say so."""

from __future__ import annotations

from pathlib import Path

import pytest

VECTORS = Path(__file__).parents[2] / "shared" / "vectors"

needs_vectors = pytest.mark.skipif(not VECTORS.is_dir(), reason="the shared vectors do not lie beside this checkout")
