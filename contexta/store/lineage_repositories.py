"""The repositories of lineage: relations between what is stored, and how they are known.

They keep the rules of `repositories`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from contexta.contract.artifacts import LineageEdge, ProvenanceRecord
from contexta.store.ledger_rows import as_ref
from contexta.store.ledger_tables import PROVENANCE, RELATIONS
from contexta.store.repositories import Ref, Repository


class RelationRepository(Repository[LineageEdge]):
    """Relations: what came from what."""

    _table = RELATIONS
    _order: Final = "rtrim(recorded_at, 'Z'), ref"

    def put_relation(self, relation: LineageEdge) -> LineageEdge:
        """Store a relation and return it.

        Raises:
            NotFoundError: ``metadata_ref_not_found``: an end is neither stored nor an artifact or operation.
        """
        return self._put(relation)

    def get_relation(self, ref: Ref) -> LineageEdge:
        """Return a relation."""
        return self._get(ref)

    def find_relation(self, ref: Ref) -> LineageEdge | None:
        """Return a relation, or None."""
        return self._find(ref)

    def exists_relation(self, ref: Ref) -> bool:
        """Tell whether a relation is stored."""
        return self._exists(ref)

    def list_relations_for_ref(self, ref: Ref) -> tuple[LineageEdge, ...]:
        """Return the relations that have a reference at either end, by time."""
        text = as_ref(ref).text
        return self._access.select(self._table, self._order, "source_ref = ? or target_ref = ?", [text, text])

    def list_relations_for_source(self, ref: Ref) -> tuple[LineageEdge, ...]:
        """Return the relations that start at a reference, by time."""
        return self._access.select(self._table, self._order, "source_ref = ?", [as_ref(ref).text])

    def list_relations_for_target(self, ref: Ref) -> tuple[LineageEdge, ...]:
        """Return the relations that end at a reference, by time."""
        return self._access.select(self._table, self._order, "target_ref = ?", [as_ref(ref).text])

    def list_relations_among(self, refs: Iterable[Ref]) -> tuple[LineageEdge, ...]:
        """Return the relations that have one of several references at either end, by time."""
        texts = [as_ref(ref).text for ref in refs]
        return self._access.select(
            self._table,
            self._order,
            "source_ref in (select unnest($1::varchar[])) or target_ref in (select unnest($1::varchar[]))",
            [texts],
        )


class ProvenanceRepository(Repository[ProvenanceRecord]):
    """Provenance: how relations are known."""

    _table = PROVENANCE

    def put_provenance(self, provenance: ProvenanceRecord) -> ProvenanceRecord:
        """Store a provenance record and return it; its relation must be stored."""
        return self._put(provenance)

    def get_provenance(self, ref: Ref) -> ProvenanceRecord:
        """Return a provenance record."""
        return self._get(ref)

    def find_provenance(self, ref: Ref) -> ProvenanceRecord | None:
        """Return a provenance record, or None."""
        return self._find(ref)

    def exists_provenance(self, ref: Ref) -> bool:
        """Tell whether a provenance record is stored."""
        return self._exists(ref)

    def list_provenance_for_relation(self, relation_ref: Ref) -> tuple[ProvenanceRecord, ...]:
        """Return the provenance records of a relation by time."""
        return self._by("relation_ref", relation_ref, "relation", "rtrim(asserted_at, 'Z'), ref")
