"""Whole games as compiled loops over integers: `simulation.outcomes` in numbers, held equal to it by a test."""
