"""Any moment of the past, to the transaction: physical copies of the server, and the log of all it has written since.

A backup of the tables (the rest of this app) is of one moment, and goes to any server. What is here brings back a
whole server, as it was at any moment since the oldest base that is kept: it needs the replication protocol, and so a
role that may replicate.
"""
