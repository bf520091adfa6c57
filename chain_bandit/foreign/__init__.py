"""Foreign rules: one file of another author, found without an import, checked, and run under a step bound.

`source` finds the file and its digest, `syntax` checks its tree, `steps` inserts the counter, `load` gives the class,
`run` calls a verb. This finds accidents (hidden state, floats, hash order, endless loops) and is no sandbox: naming a
foreign rule runs its author's code. Whether a digest is the agreed one is for the caller to compare, before `load`.
"""
