"""Which hosts to buy: models to choose from, the search over them, and the front of what is worth it."""
