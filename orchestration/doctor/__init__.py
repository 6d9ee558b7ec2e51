"""``rdc doctor``: whether this machine and this data folder are fit to run for years, and the repair of what is not.

finding.py   what a check finds, and its repair
machine.py   the machine: packages, Python, time zone, clock, space, ports
folder.py    the data folder: rights, owner, damage, leftovers, locks, the released file, Dagster's books
outside.py   who is asked and who is told: hosts, keys, channels, the schedule
examine.py   all checks, in one list
"""
