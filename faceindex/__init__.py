"""Remembers who is on which photo."""
