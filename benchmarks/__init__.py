"""Development only: how fast the engine is beside stock diffusers, on the same machine with the same weights."""
