"""MEDIATE (Altmann et al., arXiv 2404.03431): learners that send acknowledgement tokens, whose size they agree on."""
