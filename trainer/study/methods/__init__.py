"""The methods that are compared: each from its paper, all on one base with one budget."""
