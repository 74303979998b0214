"""Tables of the measured results in Markdown, by the name of their place in a page."""
