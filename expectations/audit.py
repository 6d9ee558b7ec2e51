"""How checks run: Great Expectations on a DuckDB file, opened read-only, and each outcome put in Dutch.

What is asked of a table is a suite; the suites of one audit are validated together, by a checkpoint. A check that raises is a
failed critical one with the exception's text.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from expectations.check import EXAMPLES, Check, Subject
from expectations.result import CheckResult, now
from ingest.storage.paths import plain


def package() -> Any:
    """Great Expectations, imported. A third of the time that this takes goes to ``scipy.stats``, which two expectations on
    distributions use and we do not: it is loaded when it is first used."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    if "great_expectations" not in sys.modules:
        _when_used("scipy", "stats")
    import great_expectations as gx

    return gx


def _when_used(package: str, name: str) -> None:
    """Let ``from package import name`` give a module that loads itself when something public of it is first used.

    Not ``importlib.util.LazyLoader``: its modules load at any look into them, and dbt has ``inspect.stack`` look at ``__file__`` of all
    modules that there are.
    """
    full = f"{package}.{name}"
    spec = importlib.util.find_spec(full)
    if spec is None or full in sys.modules:
        return
    module = importlib.util.module_from_spec(spec)

    def load(attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(f"module {full!r} has no attribute {attribute!r}")
        if sys.modules.get(full) is module:
            del sys.modules[full]
        return getattr(importlib.import_module(full), attribute)

    module.__getattr__ = load  # type: ignore[method-assign]
    sys.modules[full] = module
    setattr(sys.modules[package], name, module)


@contextmanager
def _source(database: Path) -> Iterator[tuple[Any, Any, Any]]:
    """Great Expectations on a DuckDB file: the package, its context, its data source. The file is fully closed afterwards:
    another process may write to it at once."""
    gx = package()
    from great_expectations.data_context.types import base

    from expectations.duckdb_connection import keep_open

    keep_open()
    # All in memory, without the Data Docs that the default would prepare a folder for.
    config = base.DataContextConfig(
        store_backend_defaults=base.InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        progress_bars=base.ProgressBarsConfig(globally=False, metric_calculations=False),
    )
    context = gx.get_context(mode="ephemeral", project_config=config)
    source = context.data_sources.add_sql(
        name="duckdb",
        connection_string=f"duckdb:///{plain(database.resolve())}",
        kwargs={"connect_args": {"read_only": True}},
    )
    try:
        with warnings.catch_warnings():
            # SQLAlchemy has no word for DuckDB's lists and maps, and needs none: no check compares them as such.
            warnings.filterwarnings("ignore", "Did not recognize type")
            yield gx, context, source
    finally:
        # Two engines: the one that Great Expectations computes with, and the one that looks whether a table exists.
        engine = source.get_execution_engine()
        with suppress(Exception), engine.get_connection() as connection:
            connection.close()
        engine.engine.dispose()
        source.get_engine().dispose()


def audit(database: Path, checkpoint: str, subjects: Sequence[Subject]) -> list[list[CheckResult]]:
    """Run a checkpoint: a suite per subject, each validated against its table. The file is only read.

    :param checkpoint: the name under which the suites are validated together.
    :return: per subject the outcome of each of its checks, in the order in which they are declared.
    """
    at = now()
    outcomes: list[list[CheckResult]] = [[] for _ in subjects]
    with _source(database) as (gx, context, source):
        validations: dict[str, tuple[int, Any, dict[int, str]]] = {}
        for number, subject in enumerate(subjects):
            name = f"{number}.{subject.suite}.{subject.schema}.{subject.table}"
            expectations, unusable = _expectations(gx, subject)
            try:
                asset = source.add_table_asset(name=name, table_name=subject.table, schema_name=subject.schema)
                table = asset.add_batch_definition_whole_table("all")
            except Exception as error:
                outcomes[number] = [_broken(subject, check, str(error), at) for check in subject.checks]
                continue
            suite = context.suites.add(gx.ExpectationSuite(name=name, expectations=expectations))
            validation = context.validation_definitions.add(gx.ValidationDefinition(name=name, data=table, suite=suite))
            validations[name] = (number, validation, unusable)
        if validations:
            run = context.checkpoints.add(
                gx.Checkpoint(
                    name=checkpoint,
                    validation_definitions=[validation for _, validation, _ in validations.values()],
                    result_format="COMPLETE",
                )
            ).run()
            for result in run.run_results.values():
                number, _, unusable = validations[result.suite_name]
                outcomes[number] = _outcomes(subjects[number], result.results, unusable, at)
    return outcomes


def _expectations(gx: Any, subject: Subject) -> tuple[list[Any], dict[int, str]]:
    """The expectations of a subject, which say by their ``meta`` which check they are; and why the others can't be made."""
    made, unusable = [], {}
    for number, check in enumerate(subject.checks):
        said = {"severity": check.severity, "meta": {"check": number, "name": check.name}, "notes": check.description}
        try:
            made.append(getattr(gx.expectations, check.expectation)(**said, **check.arguments))
        except Exception as error:
            unusable[number] = str(error)
    return made, unusable


def _outcomes(subject: Subject, found: Sequence[Any], unusable: Mapping[int, str], at: str) -> list[CheckResult]:
    """What came of each check of a subject; one of which nothing came back is broken.

    :param unusable: per check by its place, why it was not run.
    """
    by_check = {result.expectation_config.meta["check"]: result for result in found}
    totals = (
        result.result["observed_value"]
        for number, result in by_check.items()
        if subject.checks[number].expectation.startswith("ExpectTableRowCount")
        and not _exceptions(result.exception_info)
    )
    total: int | None = next(totals, None)
    outcomes = []
    for number, check in enumerate(subject.checks):
        result = by_check.get(number)
        why = (
            _exceptions(result.exception_info) if result else unusable.get(number, "Great Expectations gave no result.")
        )
        if result is None or why:
            outcomes.append(_broken(subject, check, why, at))
            continue
        success = bool(result.success)
        outcomes.append(
            CheckResult(
                suite=subject.suite,
                subject=subject.name,
                check=check.name,
                severity=result.expectation_config.severity.value,
                success=success,
                description=check.description,
                observed=_observed(check, success, result.result, total),
                column=check.column,
                ran_at=at,
            )
        )
    return outcomes


def broken(suite: str, subject: str, check: str, description: str, why: str, at: str | None = None) -> CheckResult:
    """The result of a check that could not be run: failed, and critical whatever it was declared as."""
    text = f"De controle kon niet worden uitgevoerd: {' '.join(why.split())[:600]}"
    return CheckResult(suite, subject, check, "critical", False, description, text, ran_at=at or now())


def _broken(subject: Subject, check: Check, why: str, at: str) -> CheckResult:
    return broken(subject.suite, subject.name, check.name, check.description, why, at)


def _exceptions(info: dict[str, Any] | None) -> str:
    """The texts of what was raised. Great Expectations gives one such record, or one per metric that failed."""
    if not info:
        return ""
    records = [info] if "raised_exception" in info else list(info.values())
    raised = [r["exception_message"] for r in records if r.get("raised_exception")]
    return "; ".join(dict.fromkeys(map(str, raised)))


# -- in Dutch ---------------------------------------------------------------------------------------------------------


def _observed(check: Check, success: bool, result: dict[str, Any], total: int | None) -> str:
    details = result.get("details") or {}
    match check.expectation:
        case "UnexpectedRowsExpectation":
            examples = details.get("unexpected_rows") or []
            count = examples[0]["total"] if examples else 0
            return _counted(check, count, total, [row["example"] for row in examples])
        case "ExpectTableRowCountToEqual" | "ExpectTableRowCountToBeBetween":
            return _listed(result["observed_value"], check.noun, []) + ("" if success else _wanted(check.arguments))
        case "ExpectTableColumnsToMatchSet":
            mismatched = details.get("mismatched") or {}
            parts = [
                f"{word}: {', '.join(map(str, mismatched[key]))}"
                for key, word in (("missing", "ontbreekt"), ("unexpected", "onverwacht"))
                if mismatched.get(key)
            ]
            return (
                "; ".join(parts) if not success else _listed(len(result["observed_value"]), ("kolom", "kolommen"), [])
            )
        case _:
            examples = [v for v in result.get("partial_unexpected_list") or [] if v is not None]
            return _counted(
                check, result["unexpected_count"] or 0, result["element_count"], list(dict.fromkeys(examples))
            )


def _counted(check: Check, count: int, total: int | None, examples: list[Any]) -> str:
    """``0 van 17.341 rijen``. The total is of rows, so it says nothing of other things that are counted."""
    if total and check.noun[0] == "rij":
        return f"{_number(count)} van {_listed(total, check.noun, [])}" + _such_as(count, examples)
    return _listed(count, check.noun, examples)


def _listed(count: int, noun: tuple[str, str], examples: list[Any]) -> str:
    return f"{_number(count)} {noun[0] if count == 1 else noun[1]}" + _such_as(count, examples)


def _such_as(count: int, examples: list[Any]) -> str:
    """The things at fault, or the first few of them."""
    few = examples[:EXAMPLES]
    if not count or not few:
        return ""
    return (": " if count <= len(few) else ", bijvoorbeeld ") + "; ".join(map(str, few))


def _wanted(arguments: Mapping[str, Any]) -> str:
    if "value" in arguments:
        return f", verwacht {_number(arguments['value'])}"
    return f", verwacht minstens {_number(arguments['min_value'])}"


def _number(count: int) -> str:
    return f"{count:,}".replace(",", ".")
