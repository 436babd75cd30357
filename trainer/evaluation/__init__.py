"""Measuring the methods: examiners, figures, public networks, COCO, and the report written from them."""
