"""Having a data folder again: what of it is kept elsewhere (``rdc backup``), and how it comes back (``rdc restore``)."""
