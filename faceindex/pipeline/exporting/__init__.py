"""What other programs, and people without any program, get to see: files written, brought up to date, never in vain.

folders    the library folder by folder, for what is written beside photos
files      files written whole or not at all; what is to be told in the end
sidecars   XMP beside the photos
picasa     .picasa.ini in their folders
links      a folder for each person
album      web pages · copies: the pictures they show
ours       a folder of links or pages: what in it is ours · names: made safe for any file system
tables     CSV, JSON, JSON lines
"""
