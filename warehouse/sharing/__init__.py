"""Who may see what: sharing levels of sources, and what was closed since."""
