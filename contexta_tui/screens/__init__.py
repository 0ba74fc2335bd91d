"""The screens: each wires widgets, view models and queries, and owns what is selected."""
