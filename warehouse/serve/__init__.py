"""The service (``rdc serve``): the API, the StatLine-like OData services, the files of each release, and a start page.

What belongs here: how a question comes in and how an answer leaves. What there is to answer is in :mod:`warehouse.reading.published`,
who may see it in :mod:`warehouse.sharing.access`. The service reads released files only, read-only, and writes nothing but its audit
log; it follows a new release by itself, and one request sees one release from start to end.
"""
