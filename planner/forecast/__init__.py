"""Until when: growth seen in dated measurements, the day something is full, and how far to believe it.

estates by date --history--> Series --trend--> Trend --runway--> Runway (or why there is none)
                                                                   ^
                                      Project (a known step) ------+
"""
