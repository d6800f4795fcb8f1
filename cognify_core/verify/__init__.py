"""Verification: computes everything again, reports four things apart, writes nothing."""
