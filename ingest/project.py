"""Where the project's own files are: the dbt project and what lies at the top of the checkout."""

from pathlib import Path

ROOT = Path(__file__).parent.parent
DBT_PROJECT = ROOT / "dbt_project"
