"""The models under the paths that public Contexta has for them; they live beside this package.

`contexta.contract.models.context`, `.records`, `.artifacts`, `.lineage` and `.extensions` only hand on names.
"""
