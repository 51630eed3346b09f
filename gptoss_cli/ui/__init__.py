"""The screen: events in, words out. stdout carries the answer, stderr everything else."""
