"""The types of columns, so that they mean the same in each database.

SQLite compares texts by their bytes and keeps whole numbers of 64 bits. PostgreSQL compares as the database's locale
says, and keeps 32 bits, unless it is told otherwise.
"""

from __future__ import annotations

import sqlalchemy

Text = sqlalchemy.Text().with_variant(sqlalchemy.Text(collation="C"), "postgresql")
Integer = sqlalchemy.Integer().with_variant(sqlalchemy.BigInteger(), "postgresql")

metadata = sqlalchemy.MetaData()
"""What all tables of a store belong to."""
