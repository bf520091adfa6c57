"""MEDIATE (Altmann et al., arXiv 2404.03431): learners who thank one another in tokens whose size they agree on."""
