"""The seal: keys, envelopes, statements, and the act of signing a frozen record."""
