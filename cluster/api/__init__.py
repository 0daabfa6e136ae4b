"""The interface of programs, /api/v1/: whatever a screen shows or does, by the same gates and services.

    told       the shapes of answers, msgspec         asking   the shapes of bodies, made from the forms
    door       a call: its address, words, shapes; errors in one shape
    document   OpenAPI 3.1 of all calls
    following, estates, plans, redundant, ahead, costs, variants, prices, rehearsals, operations, wishes,
    sending, people     the calls themselves, by subject

A function here finds the thing, asks the service and names the answer's shape; it decides nothing.
"""
