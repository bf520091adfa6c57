"""The games of the paper (its Appendix A), each twice: one to be read, and many at once to run."""
