"""How fast the model runs on this machine."""
