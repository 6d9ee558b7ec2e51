"""Writing to the data folder so that nothing half-written is ever read, and what is private stays so."""
