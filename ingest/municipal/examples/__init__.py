"""Made-up deliveries, one folder per shipped contract: what a file looks like, and something to try the way in with.

Nothing in them is real; each says so in its first line. ``python -m ingest.municipal.examples`` makes them anew.
"""

from pathlib import Path

FOLDER = Path(__file__).parent
