"""The one tree of errors that the library raises, with stable codes.

Every error carries a machine-readable ``code`` that scripts may rely on; the message is for people and says
what happened, to what, and what to do. Nothing here knows who raises it: this module imports nothing of the
library, so every layer may use it.

::

    Exception
    └── ContextaError
        ├── ConfigurationError          ├── LifecycleError
        ├── ContractError               ├── ClosedScopeError
        ├── CaptureError                ├── DispatchError
        ├── MetadataError               ├── ConflictError
        ├── RecordError                 ├── NotFoundError
        │   ├── AppendError             ├── StoreAccessError
        │   └── ReplayError             ├── ReadOnlyStoreError
        ├── ArtifactError               ├── IntegrityError
        ├── InterpretationError         ├── SchemaVersionError
        │   ├── ComparisonError         ├── MigrationError
        │   ├── DiagnosticsError        ├── RenderingError
        │   ├── LineageError            ├── DependencyError
        │   ├── TrendError              ├── RecoveryError
        │   ├── AlertError              ├── SurfaceError
        │   ├── AnomalyError            ├── ValidationError
        │   ├── ProvenanceError         ├── SerializationError
        │   └── ReportError             └── CompatibilityError

``ClosedScopeError`` is deliberately no ``LifecycleError``: code written for public Contexta tells the two
apart.
"""

from __future__ import annotations

from collections.abc import Mapping


class ContextaError(Exception):
    """Base of everything the library raises on purpose.

    Args:
        message: What happened, to what, and what to do.
        code: Stable, machine-readable name of the situation.
        details: Facts for a program that handles the error.
        retryable: Whether the same call may succeed later without a change.
        cause: The error underneath, when there is one.
    """

    default_code = "contexta_error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        details: Mapping[str, object] | None = None,
        retryable: bool = False,
        cause: BaseException | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.details: dict[str, object] = dict(details or {})
        self.retryable = retryable
        self.cause = cause

    def to_dict(self) -> dict[str, object]:
        """Return the error as plain data, for logs and JSON output."""
        return {
            "type": type(self).__name__,
            "code": self.code,
            "message": self.message,
            "details": dict(self.details),
            "retryable": self.retryable,
            "cause": None if self.cause is None else f"{type(self.cause).__name__}: {self.cause}",
        }


class ConfigurationError(ContextaError):
    """The configuration cannot be used."""


class ContractError(ContextaError):
    """A contract is used in a way it does not allow."""


class CaptureError(ContextaError):
    """Something could not be captured."""


class MetadataError(ContextaError):
    """The ledger refused or failed an operation."""


class RecordError(ContextaError):
    """The record store refused or failed an operation."""


class AppendError(RecordError):
    """A record could not be appended."""


class ReplayError(RecordError):
    """Stored records could not be read back."""


class ArtifactError(ContextaError):
    """An artifact could not be stored or read."""


class InterpretationError(ContextaError):
    """A question about recorded facts has no answer."""


class ComparisonError(InterpretationError):
    """Runs cannot be compared."""


class DiagnosticsError(InterpretationError):
    """A diagnosis could not be made."""


class LineageError(InterpretationError):
    """Lineage cannot be followed."""


class TrendError(InterpretationError):
    """A trend cannot be computed."""


class AlertError(InterpretationError):
    """An alert rule cannot be evaluated."""


class AnomalyError(InterpretationError):
    """An anomaly check cannot be made."""


class ProvenanceError(InterpretationError):
    """Provenance cannot be told."""


class ReportError(InterpretationError):
    """A report cannot be built."""


class RecoveryError(ContextaError):
    """A backup, restore or replay failed."""


class SurfaceError(ContextaError):
    """A command line or other surface failed."""


class ValidationError(ContextaError):
    """A value breaks the contract; ``code`` names the rule."""


class SerializationError(ContextaError):
    """Data cannot be turned into text or back."""


class CompatibilityError(ContextaError):
    """Data of another version cannot be used."""


class LifecycleError(ContextaError):
    """Scopes are opened, nested or closed in an order that has no meaning."""


class ClosedScopeError(ContextaError):
    """A scope is used after it was closed."""


class DispatchError(ContextaError):
    """A captured payload could not be delivered."""


class ConflictError(ContextaError):
    """Two facts exclude each other."""


class NotFoundError(ContextaError):
    """What was asked for does not exist."""


class StoreAccessError(ContextaError):
    """A store cannot be opened."""


class ReadOnlyStoreError(ContextaError):
    """A write was asked of a store that is read-only."""


class IntegrityError(ContextaError):
    """Stored data contradicts itself."""


class SchemaVersionError(ContextaError):
    """A store has a schema version this library does not know."""


class MigrationError(ContextaError):
    """A store could not be brought to the current schema."""


class RenderingError(ContextaError):
    """A document could not be rendered."""


class DependencyError(ContextaError):
    """An optional dependency is missing."""
