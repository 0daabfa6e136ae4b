"""Remembers and shows: models, workers, live feed, screens."""
