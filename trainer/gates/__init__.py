"""Measures whether a backbone draws a whole person, the right one, as the request says. `python -m trainer gates`
measures it."""
