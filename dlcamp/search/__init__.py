"""Searches over the declared space, by Optuna or Keras Tuner: a parent run with one child run a trial."""
