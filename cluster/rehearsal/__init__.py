"""A rehearsal from its question to its answer.

question: estate + script -> Rehearsal (row)      play, drilling: a worker writes events and summary
seen: what of a state a browser shows             record: rows -> log, JSON, sentences
"""
