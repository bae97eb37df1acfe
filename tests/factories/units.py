"""Times in nanoseconds."""

from __future__ import annotations

US = 1_000
MS = 1_000_000
S = 1_000_000_000
