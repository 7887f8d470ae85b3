"""Local clusters for the commands of the Makefile: demo, up, down, compose-test, bench-smoke,
bench-shards.

Needs Debian 12's /usr/bin/python3 and its standard library, nothing else.
"""
