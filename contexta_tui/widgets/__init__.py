"""What draws: one widget a file. Widgets are given immutable values and never fetch."""
