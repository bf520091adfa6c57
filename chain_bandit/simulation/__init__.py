"""Games without chain, signatures or messages: the readable reference, the lies it is tried with, and its rivals."""
