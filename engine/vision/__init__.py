"""Pretrained networks that read photos: joints and mask of a person, faces, face mesh. The weights are files of
released packages (engine.hub.packaged): every network raises WeightsError with the remedy where its weights are absent.
Pixel coordinates count from the upper left corner of the picture: the centre of the first pixel is (0.5, 0.5).
"""
