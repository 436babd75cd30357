"""Trains image adapters on public diffusers bases (SD 1.5, SDXL), from photos to files that the engine serves.

base         locations of a base and its image encoder, and loading their models
sources      photos of rendered or curated people, with their observations and their split
buckets      picture sizes of about equal area, and the crop of a photo to one of them
encoders     VAE, text encoders and CLIP's image encoder over photos
precompute   photos -> cache: one safetensors file per photo; resumes
cache        the folder that precompute writes and training reads
batches      random batches of targets and other photos of the same people
methods      the branches of each method
learner      the loss of a batch on the frozen base
sheets       validation pictures
recipe       settings of a run, as YAML
control      IdentityNet: the ControlNet of instantid and instantid_body
run          a whole run, through trainer.loop
export       a run's averaged weights in the layouts that diffusers and the engine load
memory       GPU memory of a run, by calculation
"""
