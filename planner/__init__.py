"""Decides: placement, redundancy, size, cost.  Pure: no Django, no I/O, no clock; chance is an argument."""
