"""The games of the paper (its Appendix A), each twice: a readable reference, and many at once for speed."""
