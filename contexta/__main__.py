"""`python -m contexta`: the same as the script `contexta`."""

from __future__ import annotations

from contexta.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
