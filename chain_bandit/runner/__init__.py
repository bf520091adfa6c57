"""One runner of many tasks: results that were kept are found by their inputs, those that are missing are played."""
