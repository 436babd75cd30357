"""Measuring the methods: evaluators, figures, public networks, COCO, and the report written from them."""
