"""All commands, as data: what they are called, what they take, what answers them, and examples.

Whatever has to know the command line (argparse, the completion scripts, the tests of the documentation) reads
`COMMANDS`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from contexta.commands.spec import (
    BATCH,
    COMMON,
    LIMIT,
    RUN_FILTER,
    RUN_HELP,
    SOURCE,
    STAGE,
    Argument,
    Command,
    choice,
    option,
    run,
    switch,
    whole_number,
)

COMMANDS: Final = tuple(
    Command(name, answer, help_, examples, arguments, details, COMMON)
    for name, answer, help_, arguments, examples, details in (
        (
            "runs",
            ("lists", "runs"),
            "list the runs, newest first",
            (
                choice(
                    "--status",
                    "only runs with this status",
                    "open",
                    "completed",
                    "failed",
                    "cancelled",
                    "unknown",
                ),
                option("--project", "only of this project: its name or ref", "PROJECT"),
                LIMIT,
                SOURCE,
            ),
            (
                ("runs", "what ran"),
                ("runs --status failed --limit 10", "the ten newest that failed"),
                ("runs --json", "for another program"),
            ),
            "",
        ),
        (
            "show",
            ("looks", "show"),
            "show one node: how it went, why it failed, what it measured",
            (
                Argument(
                    ("ref",),
                    "ref of a run, stage, batch, sample or deployment, or a unique end of it",
                    "runs",
                    {"metavar": "REF"},
                ),
                SOURCE,
            ),
            (
                ("show run-01", "a run"),
                ("show train.epoch-3", "a batch, by the end of its ref"),
            ),
            "",
        ),
        (
            "batches",
            ("lists", "batches"),
            "list batches in the order in which they ran",
            (run("run", f"{RUN_HELP}; all runs without it", nargs="?"), STAGE, LIMIT, SOURCE),
            (
                ("batches run-01", "of a run"),
                ("batches run-01 --stage train", "of one stage of it"),
            ),
            "",
        ),
        (
            "samples",
            ("lists", "samples"),
            "list samples in the order in which they ran",
            (
                run("run", f"{RUN_HELP}; all runs without it", nargs="?"),
                STAGE,
                BATCH,
                switch("--failed", "only those that failed"),
                LIMIT,
                SOURCE,
            ),
            (
                ("samples run-01 --failed", "what went wrong in a run"),
                ("samples run-01 --stage evaluate --batch holdout", "of one batch"),
            ),
            "",
        ),
        (
            "deployments",
            ("lists", "deployments"),
            "list deployments, and the runs and artifacts that they came from",
            (
                RUN_FILTER,
                option("--project", "only of this project: its name or ref", "PROJECT"),
                LIMIT,
                SOURCE,
            ),
            (
                ("deployments", "all"),
                ("deployments --run run-01", "those that came from a run"),
            ),
            "",
        ),
        (
            "records",
            ("records", "records"),
            "list metrics, events, spans and degraded records, newest first",
            (
                Argument(
                    ("ref",),
                    "only at or under this node: a ref or its unique end; everything without it",
                    "runs",
                    {"metavar": "REF", "nargs": "?"},
                ),
                choice("--type", "only of this type", "metric", "event", "span", "degraded"),
                option("--key", "only with this metric key, event key, span name or issue key", "KEY"),
                LIMIT,
                SOURCE,
            ),
            (
                ("records run-01 --type event", "what a run said"),
                ("records train.epoch-3 --key loss", "one metric of a batch"),
                ("records --json --type metric", "every metric, for another program"),
            ),
            "",
        ),
        (
            "diagnose",
            ("looks", "diagnose"),
            "list what is wrong, worst first",
            (
                Argument(
                    ("ref",),
                    "only at or under this node: a ref or its unique end; everything without it",
                    "runs",
                    {"metavar": "REF", "nargs": "?"},
                ),
                choice(
                    "--fail-on",
                    "exit 1 when there is an issue of that severity or worse (default: %(default)s)",
                    "error",
                    "warning",
                    "info",
                    "never",
                    default="never",
                ),
                SOURCE,
            ),
            (
                ("diagnose", "everything"),
                ("diagnose run-01 --fail-on error", "in a script: exit 1 when the run has an error"),
            ),
            "",
        ),
        (
            "compare",
            ("compares", "compare"),
            "compare runs: metrics, batches, samples and artifacts of two, metrics of more",
            (
                run("left"),
                run("right"),
                run("more", "further runs", nargs="*"),
                option(
                    "--lower-is-better",
                    "a metric of which less is better, for three runs and more; may be repeated",
                    "KEY",
                    action="append",
                    default=[],
                ),
                SOURCE,
            ),
            (
                ("compare run-01 run-02", "how the second differs from the first"),
                ("compare run-01 run-02 run-03 --lower-is-better loss", "which is best in what"),
            ),
            "",
        ),
        (
            "lineage",
            ("looks", "lineage"),
            "follow what something came from and what came from it",
            (
                Argument(
                    ("ref",),
                    "any ref, or a unique end of the ref of a node or artifact",
                    "runs",
                    {"metavar": "REF"},
                ),
                choice(
                    "--direction",
                    "inbound: what points to it; outbound: what it points to (default: %(default)s)",
                    "inbound",
                    "outbound",
                    "both",
                    default="both",
                ),
                option(
                    "--depth",
                    "how many steps away the last node may be that is looked at (default: %(default)s)",
                    "N",
                    type=whole_number,
                    default=2,
                ),
                SOURCE,
            ),
            (
                ("lineage deployment:digits.prod", "what was shipped"),
                ("lineage run-01 --direction inbound --depth 4", "what came from a run"),
            ),
            "",
        ),
        (
            "report",
            ("reports", "report"),
            "write a report on a run",
            (
                run("run"),
                choice(
                    "--format",
                    "default: by the end of the file's name, else markdown",
                    "markdown",
                    "html",
                    "json",
                    "csv",
                ),
                option(
                    "--output", "the file to write; standard output without it", "FILE", "files", type=Path
                ),
                SOURCE,
            ),
            (
                ("report run-01", "as Markdown"),
                ("report run-01 --output report.html", "as one HTML page with charts"),
            ),
            "",
        ),
        (
            "promote",
            ("keeps", "promote"),
            "carry what was captured into the ledger, the record store and the artifact vault",
            (
                run("run", f"{RUN_HELP}; all runs without it", nargs="?"),
                switch("--dry-run", "write nothing, and say what would be done"),
                switch(
                    "--assume-completed",
                    "count scopes of which only records are known as completed; else they are left out",
                ),
            ),
            (
                ("promote --dry-run", "what would be stored"),
                ("promote run-01", "store one run"),
            ),
            "The only command that writes into the workspace. It may be repeated, also while the job runs.",
        ),
        (
            "export",
            ("keeps", "export"),
            "write rows to a file that other programs read",
            (
                choice("--format", "default: by the end of the file's name", "jsonl", "csv", "parquet"),
                choice(
                    "--what",
                    "which rows (default: %(default)s)",
                    "nodes",
                    "records",
                    "metrics",
                    default="records",
                ),
                option("--output", "the file to write", "FILE", "files", type=Path, required=True),
                RUN_FILTER,
            ),
            (
                ("export --output records.parquet", "all records"),
                ("export --what metrics --format csv --output metrics.csv --run run-01", "metrics of a run"),
            ),
            "What was captured and what was stored is exported, each row once, with where it is known from.",
        ),
        (
            "verify",
            ("keeps", "verify"),
            "check that everything in the workspace can be read and is what it was",
            (switch("--no-bodies", "do not read the bodies of artifacts, only their bindings"),),
            (
                ("verify", "everything"),
                ("verify --no-bodies --json", "faster, for another program"),
            ),
            "It exits 1 when anything worse than info is found, and changes nothing.",
        ),
        (
            "completion",
            ("completion", "completion"),
            "print a script that completes commands, options and refs of runs in a shell",
            (
                Argument(
                    ("shell",), "the shell", "", {"metavar": "SHELL", "choices": ("bash", "zsh", "fish")}
                ),
            ),
            (
                (
                    "completion bash",
                    "put its output into ~/.local/share/bash-completion/completions/contexta",
                ),
                ("completion zsh", "put its output into a file _contexta in a folder of $fpath"),
                ("completion fish", "put its output into ~/.config/fish/completions/contexta.fish"),
            ),
            "",
        ),
    )
)

COMPLETE: Final = Command(
    "_complete",
    ("completion", "complete"),
    "print refs of runs that begin with a text, for the completion scripts",
    (),
    (Argument(("prefix",), "what was typed", "", {"nargs": "?", "default": ""}),),
    "",
    COMMON,
)
"""Not shown: only the scripts use it."""
