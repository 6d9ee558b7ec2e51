"""The standard indicator tables as StatLine serves its own: OData v3 (``/ODataCatalog``, ``/ODataFeed``, ``/ODataApi``) and v4
(``/odata/v1/CBS``), read-only, so that whatever reads StatLine reads these by changing the host.

A theme is a table: ``wonen`` is ``<region>-WONEN``. Its dimensions are ``RegioS`` and ``Perioden``, its topics the indicators, by
their own names, which never move. How StatLine answers:
https://www.cbs.nl/nl-nl/onze-diensten/open-data/statline-als-open-data
"""

from fastapi import APIRouter

from warehouse.serve.odata import v3, v4

router = APIRouter(include_in_schema=False)
router.include_router(v3.router)
router.include_router(v4.router)
