"""Imports point one way and never in a circle. What may import what is in pyproject.toml; `make lint` checks that."""

from __future__ import annotations

from graphlib import TopologicalSorter

import grimp


def test_no_module_imports_itself_by_a_detour() -> None:
    graph = grimp.build_graph(
        "ingest", "expectations", "warehouse", "orchestration", exclude_type_checking_imports=True
    )
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert len(imports) > 150
    TopologicalSorter(imports).prepare()  # a CycleError names the circle


def test_the_check_sees_a_circle() -> None:
    graph = grimp.build_graph("ingest", exclude_type_checking_imports=True)
    graph.add_import(importer="ingest.storage.durable", imported="ingest.registry")
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    try:
        TopologicalSorter(imports).prepare()
    except ValueError as error:
        assert "ingest.storage.durable" in str(error)
    else:
        raise AssertionError("not seen")
