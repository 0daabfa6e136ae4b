"""Compute, storage and network as one graph: what is single, what is redundant, what nobody told us.

    cuts       what breaks a thing, alone or in pairs; exact, from small parts to large ones
    wiring     Estate -> components, what each needs, the switches and the cables between them
    ways       from a host to a datastore, a network, its power: each a list of components
    questions  every question with its ways, and the verdict: redundant, single, unknown, lost
    report     single points, pairs and unknowns of a whole estate
    lint       rules with an id and a remedy
    designs    standard designs as functions Estate -> Estate

Unknown is unknown: a way through a switch that nobody named never proves redundancy.
"""
