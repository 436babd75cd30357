"""Does nano show the right person in the right place? `python -m trainer gates` says so, with what it must reach."""
