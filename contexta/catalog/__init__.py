"""The derived catalog: one relational schema for everything an explorer asks about.

It is built from the files of a workspace, lives in the user's cache directory,
may be deleted at any time, and equals at every moment a function of the bytes
that were read: rows and the byte offset they came from commit together.
"""
