"""numba loops over arrays: scalar, cached, never parallel; they import numpy and numba only.

Nothing here knows an estate, a rule's name or a sentence.  Import a module of this package inside the
function that needs it: numba takes a second to load and the web process must never pay it.
"""
