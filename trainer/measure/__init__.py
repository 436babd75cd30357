"""Measures backbones and public adapters with public networks: `python -m trainer measure`.

plan       -> settings: models, networks, sizes
models     -> opens a model by its plan; `stock` draws with diffusers' own pipelines
cases      -> held-out people: reference photos, a held-out photo, a prompt
pictures   -> draws and stores every picture once
networks   -> the measuring networks, and the reasons for missing ones
people, captions, equation -> figures: of the people, by the COCO protocol, and of equation 1
report     -> measures.json and measures.md
"""
