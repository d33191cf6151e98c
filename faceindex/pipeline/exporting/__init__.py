"""What other programs, and people without any program, get to see: files written, brought up to date, never in vain.

sidecars   XMP beside the photos
picasa     .picasa.ini in their folders
links      a folder for each person
album      web pages
tables     CSV, JSON, JSON lines
"""
