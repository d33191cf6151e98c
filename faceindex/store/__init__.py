"""All SQL that is not about the file itself, as plain functions on a connection that return models.

paths      names that are not valid UTF-8, to two columns and back
roots      the folders the user asked to index
files      what the crawler saw, and what is to be read
moves      what a scan notes while it tells moved from vanished
problems   what could not be handled
photos     pictures, their faces, and what carries over when a picture was edited
encodings  arrays for matching: faces without a cluster, averages, weights
averages   which faces are in which cluster, and each cluster's exact sum
people     persons and clusters, as humans change them
labels     what humans said of single faces
kept       whether what a human said changed anything
journal    every change a human makes, and how it is undone
runs       one row per scan
settings   few facts about the index as a whole
listings   the answers that commands print

Functions that write expect to be called inside db.transaction().
"""
