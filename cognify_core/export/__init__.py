"""Sealed runs become package files: functions, found by name, from bytes to bytes."""
