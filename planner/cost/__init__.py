"""What an estate costs: prices, licences, lines, years, shares, ranges, comparisons; money is Decimal."""
