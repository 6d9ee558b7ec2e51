"""All checks, in the order in which they are told; each looks at one thing, and none stops the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from orchestration.doctor import folder, machine, outside
from orchestration.doctor.finding import Finding
from orchestration.workspace import Workspace

CHECKS: tuple[Callable[[Workspace], Iterator[Finding]], ...] = (
    machine.versions,
    machine.space,
    machine.time_zone,
    machine.clock,
    machine.ports,
    folder.rights,
    folder.owner,
    folder.damaged,
    folder.leftovers,
    folder.locks,
    folder.released_file,
    folder.dagster_books,
    outside.hosts,
    outside.keys,
    outside.channels,
    outside.schedule,
)


def examined(work: Workspace) -> Iterator[Finding]:
    """What every check finds. One that breaks off is a finding itself."""
    for check in CHECKS:
        try:
            yield from check(work)
        except Exception as error:  # a doctor that falls over the first trouble is of no use
            name = check.__name__.replace("_", " ")
            said = f"could not be looked at: {type(error).__name__}: {' '.join(str(error).split())[:200]}"
            yield Finding(name, False, said, "Mend what is said above first; if it stays, report it.")


def fixed(findings: list[Finding]) -> list[str]:
    """Put right what can be put right safely; a line for each thing that was done."""
    done = []
    for finding in findings:
        if not finding.good and finding.mend:
            try:
                done.append(f"{finding.check}: {finding.mend()}")
            except OSError as error:
                done.append(f"{finding.check}: could not be mended ({error})")
    return list(dict.fromkeys(done))
