"""Task runner with kept results: these are found by their inputs, and only missing ones are computed."""
