"""Learners (the paper's Appendix B): actors and critics that learn from their own rewards. Needs torch."""
