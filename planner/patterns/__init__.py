"""The fewest hosts for a fleet and the proof: shapes, prices, patterns.  No names, no rules, no estate."""
