"""Plays a plan out in time: migration, HA, FT, DRS, evacuation.  Pure, but for the real drivers."""
