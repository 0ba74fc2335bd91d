"""Import paths of public Contexta that lead to what lies elsewhere here; see `contexta.common.errors`."""
