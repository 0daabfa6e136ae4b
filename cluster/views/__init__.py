"""The pages: fetch through selectors, ask through services, show through templates.  One file a noun."""
