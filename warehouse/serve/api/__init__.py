"""The API under ``/v1``: resources by Dutch names, as the Dutch API Design Rules have it.

A module per kind of resource. What all of them share: ``questions`` (parameters and names), ``answers`` (models and responses) and
``paging``.
"""

from fastapi import APIRouter

from warehouse.serve.api import figures, products, releases, tables, terms

router = APIRouter()
for part in (releases, terms, figures, tables, products):
    router.include_router(part.router)
