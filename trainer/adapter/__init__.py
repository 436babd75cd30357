"""Trains image adapters on public diffusers bases (SD 1.5, SDXL), from photos to files that the engine serves.

base         where a base and its image encoder lie, and loading their parts
sources      photos of rendered or curated people, with what is seen on them and their split
buckets      picture sizes of about one area, and the part of a photo that fills one
encoders     VAE, text encoders and CLIP's image encoder over photos
precompute   photos -> cache: one safetensors file a photo; resumes
cache        the folder that precompute writes and training reads
batches      random batches of targets and other photos of the same people
methods      what each method reads, as branches
learner      the loss of a batch on the frozen base
sheets       validation pictures
recipe       settings of a run, as YAML
control      IdentityNet: the ControlNet of instantid and instantid_body
run          a whole run, through trainer.loop
export       a run's averaged weights in the layouts that diffusers and the engine load
memory       GPU memory of a run, by calculation
"""
