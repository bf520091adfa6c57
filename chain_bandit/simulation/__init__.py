"""Games without chain, signatures or messages: the readable reference, its lies, and an arena with rivals."""
