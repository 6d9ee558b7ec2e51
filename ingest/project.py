"""Where the project's own files are, the dbt project and what lies at the top of the checkout, and what it is installed as."""

from importlib import metadata
from pathlib import Path

#: The name of the package; the same whatever region it serves.
DISTRIBUTION = "rural-data-center-kempen"

ROOT = Path(__file__).parent.parent
DBT_PROJECT = ROOT / "dbt_project"


def version() -> str:
    """Of the project, as it is installed."""
    return metadata.version(DISTRIBUTION)
