print("martlet-run: not built yet")
