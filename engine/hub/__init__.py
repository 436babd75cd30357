"""Weights from elsewhere: repositories of the model hub, files inside released packages, and what needs which."""
