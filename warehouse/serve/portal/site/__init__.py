"""The portal as files: the same pages for any web server or page host, with no database behind them.

What belongs here: which files there are and how one leads to another (:mod:`links`), writing them (:mod:`build`), and looking
through a folder of them for what is broken (:mod:`check`). Only what everyone may see gets in.
"""
