"""Judges what the catalog holds: which scopes failed, what is odd, what is silent.

`rules` says what makes an issue and is pure; `run` asks the catalog and applies the rules.
"""
