"""The bundled sample: a small extract of CBS figures in the snapshot's own form, so that a first run needs no network.

Source of all figures in this folder: CBS (Statistics Netherlands), StatLine, licence CC BY 4.0 ("Bron: CBS"); extract by
the Rural Data Center Kempen. Written by :mod:`ingest.sample.build`; never edited by hand. Boundaries (``gebiedsgrenzen``): CBS and
Kadaster (PDOK), CC BY 4.0, simplified, written by :mod:`ingest.sample.areas`.
"""
