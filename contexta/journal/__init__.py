"""The journal.

Append-only JSON lines, one module that writes them, one that reads them, one that names them.
"""
