"""Other programs' databases, read only, as rows that mean something."""
