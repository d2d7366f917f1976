"""Variants x axes x seeds over `execute`: a parent run with one child a cell, judged when it ends."""
