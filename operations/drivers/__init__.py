"""Worlds to act in: simulated, recorded, and real hypervisors, behind one port."""
