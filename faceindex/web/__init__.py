"""The page of `faceindex serve`: another thin face over the same calls as the command line.

safety      who may ask: token or password, cookie, Host, cross-site posts, headers
index       a connection to the index for each thread that answers
pictures    small pictures and crops, by number and never by path
changing    what a human does on the page, as an act (store/acts.py); undo
pages/      a module for each page: people, review, gallery, photo, search, lists, runs
templates/  one for each page, and one around all; static/ style and script
"""

from __future__ import annotations

from faceindex.web.app import create_app, look_ahead
from faceindex.web.safety import Guard, hosts_of

__all__ = ["Guard", "create_app", "hosts_of", "look_ahead"]
