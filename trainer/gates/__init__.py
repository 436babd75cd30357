"""Does a backbone draw a whole person, the right one, as the request says? `python -m trainer gates` measures it."""
