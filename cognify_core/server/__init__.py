"""The server: the REST API over a store that many share."""
