"""Readers of photos with real pretrained networks: joints and mask of a person, faces, face mesh.

The weights lie inside a released package (engine.hub.packaged, row "mediapipe"): every reader raises WeightsError
with the remedy where they are absent. Pixel coordinates count from the upper left corner of the picture: the centre of
the first pixel is (0.5, 0.5).
"""
