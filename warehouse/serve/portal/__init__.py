"""The portal: the pages that residents, councils and policy officers read.

What belongs here: everything that is a page. ``page`` says what one is, and ``pages`` has a module per kind; a kind is registered once,
and the service, the static site, the sitemap and the tests follow. ``view`` asks the release for what pages tell, ``words.yml`` has their
texts, ``templates`` their form and ``style`` their looks; ``dutch`` writes figures and dates; ``serving`` is the way over HTTP.
"""
