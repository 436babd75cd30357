"""Measures any backbone, and public adapters beside it, with public networks: `python -m trainer measure`.

plan       -> settings: models, networks, sizes
models     -> opens a model by its plan; `stock` draws with diffusers' own pipelines
cases      -> people who were never learned from: reference photos, a held-out photo, a prompt
pictures   -> draws, keeps every picture, and draws none twice
networks   -> the networks that measure, and the reasons why others are missing
people, captions, equation -> figures: of the people, by the COCO protocol, and of equation 1
report     -> measures.json and measures.md
"""
