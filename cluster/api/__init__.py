"""The interface of programs, /api/v1/: whatever a screen shows or does, by the same gates and services.

    told, deeds  the shapes of answers, msgspec       asking   the shapes of bodies, made from the forms
    door       a call: its address, words, shapes; errors in one shape
    document   OpenAPI 3.1 of all calls
    following, estates, plans, redundant, ahead, costs, variants, operations, wishes, people
               the calls themselves, by subject
    page       every call in the reader's language      routes     the addresses

A function here finds the thing, asks the service and names the answer's shape; it decides nothing.
"""
