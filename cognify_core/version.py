"""Which Cognify this is."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("cognify-audit")
except PackageNotFoundError:  # run from a source tree that was never installed
    VERSION = "0+unknown"

RECORDER = f"cognify-audit {VERSION}"
