"""What is in `deploy/`."""
