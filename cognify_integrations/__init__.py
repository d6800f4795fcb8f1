"""One framework, one module. Each imports its framework and the core, and never another framework's module."""
