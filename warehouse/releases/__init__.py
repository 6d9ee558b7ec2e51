"""The releases of a series: the shelf that they stand on, and how one is published."""
