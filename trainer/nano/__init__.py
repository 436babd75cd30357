"""The small model that is shipped: its data, training, and the bundle for machines without internet."""
