"""The explorer: a Textual app over `contexta`. It knows no file format and no SQL."""
