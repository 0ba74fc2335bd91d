"""Questions put to a catalog.

This package holds the only SQL that reads a catalog. Every function takes a
catalog and returns frozen results (`results`), paged where there may be many,
never a cursor. It knows no screen and writes nothing.
"""
