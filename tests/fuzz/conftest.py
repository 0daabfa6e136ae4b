"""What is collected here: atheris is in no lock, so `guided` is run by hand and never imported by pytest."""

collect_ignore = ["guided.py"]
