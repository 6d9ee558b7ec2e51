"""Files are read as municipal deliveries: the same data folder and contracts."""

from tests.ingest.municipal.conftest import _settings, contracts, geography, work

__all__ = ["_settings", "contracts", "geography", "work"]
