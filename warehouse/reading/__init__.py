"""Reading a release: what it publishes to whom, as it was then, and how a figure came about."""
