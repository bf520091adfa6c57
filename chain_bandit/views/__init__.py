"""Views of a run: terminal tables, plots, one HTML page. Pure functions of data."""
