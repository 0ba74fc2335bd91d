"""Carries captured runs into the canonical store: the bridge from what a job wrote to what is kept.

A job captures without asking whether anybody has a ledger. Promotion reads the capture and puts scopes into
the ledger, records into the segments and the bodies of artifacts into the vault, through the stores
themselves. It may be repeated, killed and repeated: what is there is never written again, and the end is the
same. It never changes the capture, and never writes a status that nobody stated.
"""

from __future__ import annotations

from contexta.promotion.result import MOST_LEFT_OUT, LeftOut, PromotionResult
from contexta.promotion.run import promote_captured

__all__ = ["MOST_LEFT_OUT", "LeftOut", "PromotionResult", "promote_captured"]
