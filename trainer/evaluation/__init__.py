"""Measurement of pictures: evaluators, metrics, public networks and COCO."""
