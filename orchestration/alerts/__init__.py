"""What asks for a person: worked out, put into words, and brought to whoever declared to want it.

concern.py   what is known of one thing that is wrong
concerns.py  what is wrong now; `rdc status` asks the same
affected.py  whom it touches: indicators, goals, partners
words.yml    the texts, Dutch and English; message.py puts them together
channels.py  where to, as ``$RDC_HOME/alerts.yml`` or ``RDC_ALERTS`` say; quiet.py when not
memory.py    what was told already; sending.py whether a channel took it
tell.py      brings it: what is new, what is over, once
digest.py    the week
"""
