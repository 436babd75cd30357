"""The small model that is shipped: its data, training, and the bundle for machines without internet.

`run` is the one command. It reads a `training_set` (from shards, or from a `bundle` with its `wheels`), fits the
`autoencoder`, and lets `train` and then `finish` teach the model that `architecture` builds. Both keep their `state`
alike and see batches of `photos`, which `prepared` derived once.
"""
