"""The small model that is shipped: its data, training, distillation, and the bundle for machines without internet."""
