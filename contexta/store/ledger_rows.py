"""A ledger as the repositories use it: may this store write, who waits how long, what can be read.

What is read is taken from `payload_json` alone. A row that cannot be read, because of a foreign schema
version, an extension nobody declared or damage, costs that row and is told about; it never costs the table.
How models become rows is for `ledger_write`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from contexta.contract.decoding import read_strict
from contexta.contract.extensions import ContractModel
from contexta.contract.refs import StableRef
from contexta.contract.registry import ExtensionRegistry
from contexta.errors import ContextaError, IntegrityError, NotFoundError, ReadOnlyStoreError
from contexta.store.ledger_engine import failures
from contexta.store.ledger_file import LedgerFile
from contexta.store.ledger_tables import ModelT, Table
from contexta.store.ledger_write import prepare, write

_log: Final = logging.getLogger(__name__)

_FIRST_UNREADABLE: Final = 3


@dataclass(frozen=True, slots=True)
class DegradedRow:
    """A row that cannot be read.

    Attributes:
        table: Where it is.
        ref: Its reference, as it stands there.
        code: Why, as the stable code of the error.
        message: Why, in words.
    """

    table: str
    ref: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class LedgerAccess:
    """A ledger and how it may be used; what the repositories and the store work through.

    Attributes:
        file: The ledger.
        read_only: Whether writing is refused.
        auto_create: Whether the first write makes the ledger.
        wait_seconds: How long to wait for others.
        registry: The extension namespaces that may be read; those of this library when None.
    """

    file: LedgerFile
    read_only: bool = False
    auto_create: bool = True
    wait_seconds: float = 10.0
    registry: ExtensionRegistry | None = None

    def require_writable(self) -> None:
        """Refuse to write when the store is read-only.

        Raises:
            ReadOnlyStoreError: ``metadata_store_read_only``.
        """
        if self.read_only:
            raise ReadOnlyStoreError(
                f"The ledger {self.file.path or 'in memory'} was opened read-only.",
                code="metadata_store_read_only",
            )

    def put(self, models: Sequence[ContractModel], expected: Table[Any] | None = None) -> None:
        """Write models in one transaction; what is there under the same reference is replaced.

        Args:
            models: In any order; of two with the same reference the later counts.
            expected: The only table they may belong in; any when None.

        Raises:
            ValidationError: ``metadata_wrong_model``.
            NotFoundError: ``metadata_missing_…`` for a parent, ``metadata_ref_not_found`` for the endpoint of
                a relation, that is neither stored nor among the models.
            ReadOnlyStoreError: ``metadata_store_read_only``.
            StoreAccessError: ``metadata_store_open_failed``.
        """
        self.require_writable()
        rows = prepare(models, expected)
        if not rows.batch:
            return
        with self.file.writing(self.wait_seconds, may_create=self.auto_create) as connection, failures():
            write(connection, rows)

    def find(self, table: Table[ModelT], ref: str | StableRef) -> ModelT | None:
        """Return what is stored under a reference, or None.

        Raises:
            ValidationError: The text is no reference.
            IntegrityError: ``metadata_row_unreadable``.
            StoreAccessError: ``metadata_store_open_failed``.
        """
        text = as_ref(ref).text
        found = self.query(f"select payload_json from {table.name} where ref = ?", [text])
        if not found:
            return None
        try:
            return read_strict(table.model, found[0][0], self.registry)
        except ContextaError as error:
            raise IntegrityError(
                f"{text} is stored in {table.name}, but cannot be read: {error.message}",
                code="metadata_row_unreadable",
                details={"table": table.name, "ref": text, "reason": error.code},
                cause=error,
            ) from error

    def get(self, table: Table[ModelT], ref: str | StableRef) -> ModelT:
        """Return what is stored under a reference.

        Raises:
            NotFoundError: ``metadata_row_not_found``; else as `find`.
        """
        found = self.find(table, ref)
        if found is None:
            raise NotFoundError(
                f"{ref} is not in {table.name} of the ledger.",
                code="metadata_row_not_found",
                details={"table": table.name, "ref": str(ref)},
            )
        return found

    def exists(self, table: Table[Any], ref: str | StableRef) -> bool:
        """Tell whether something is stored under a reference; raises as `find`."""
        return bool(self.query(f"select 1 from {table.name} where ref = ?", [as_ref(ref).text]))

    def select(
        self, table: Table[ModelT], order: str, where: str = "true", parameters: Sequence[object] = ()
    ) -> tuple[ModelT, ...]:
        """Return the readable models of a table; the others are logged and left out.

        Args:
            table: The table.
            order: After ``order by``.
            where: After ``where``.
            parameters: For the placeholders in ``where``.
        """
        rows = self.query(
            f"select ref, payload_json from {table.name} where {where} order by {order}", parameters
        )
        models, degraded = self.readable(table, rows)
        if degraded:
            refs = ", ".join(row.ref for row in degraded[:_FIRST_UNREADABLE])
            _log.warning(
                "%d rows of %s cannot be read (%s%s); degraded_rows() of the store says why",
                len(degraded),
                table.name,
                refs,
                ", …" if len(degraded) > _FIRST_UNREADABLE else "",
            )
        return tuple(models)

    def readable(
        self, table: Table[ModelT], rows: Iterable[tuple[Any, ...]]
    ) -> tuple[list[ModelT], list[DegradedRow]]:
        """Part rows of reference and payload into models and what cannot be read."""
        models: list[ModelT] = []
        degraded: list[DegradedRow] = []
        for ref, payload in rows:
            try:
                models.append(read_strict(table.model, payload, self.registry))
            except ContextaError as error:
                degraded.append(DegradedRow(table.name, str(ref), error.code, error.message))
        return models, degraded

    @contextmanager
    def view(self) -> Iterator[None]:
        """Let everything that is read in a block be of one moment."""
        with self.file.reading(self.wait_seconds):
            yield

    def query(self, statement: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return all rows of a statement that changes nothing; none when there is no ledger."""
        with self.file.reading(self.wait_seconds) as connection, failures():
            return [] if connection is None else connection.execute(statement, list(parameters)).fetchall()


def as_ref(ref: str | StableRef) -> StableRef:
    """Return a reference from itself or its text.

    Raises:
        ValidationError: ``stable_ref_invalid_…``: the text is no reference.
    """
    return ref if isinstance(ref, StableRef) else StableRef.parse(ref)
