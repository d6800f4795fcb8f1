"""Measurements against peers, interleaved in one run: medians, CPU-seconds, ratios."""
