"""Training nano, the model that draws a person from noise along a body map."""
