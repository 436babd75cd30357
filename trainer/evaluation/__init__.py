"""Evaluators, figures, public networks and COCO: all that pictures are measured with."""
