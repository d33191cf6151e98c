"""All SQL that is not about the file itself, as plain functions on a connection that return models.

what is there
    paths        names that are not valid UTF-8, to two columns and back
    roots        the folders the user asked to index
    files        what the crawler saw, and what is to be read
    moves        what a scan notes while it tells moved from vanished
    problems     what could not be handled
    photos       pictures, their faces, and what carries over when a picture was edited
    runs         one row per scan
    settings     few facts about the index as a whole
what the machine makes of it
    encodings    arrays for matching: faces without a cluster, averages, weights
    averages     which faces are in which cluster, and each cluster's exact sum
    cohorts      faces of other people, by which distances are judged
    ages         how old people are in their clusters and on photos
    untouched    clusters of which no human ever said anything
what humans say
    people       persons and clusters
    parting      clusters told apart: different people, split, strangers
    faces        single faces: moved, rejected, ignored, named, drawn
    labels       names of single faces, and where a scan carried them
    constraints  what must never be after all that
    answers      to questions; questions: what they are asked from
    handwork/    all of it, to a file and back
    forgetting   a person, for good
what was said, and what if it had not been
    journal      every change is one entry; any entry can be taken back
    recording    an entry, row by row · kept: whether it changed anything
    telling      the changes of each row in their order
    history      rows as the entries that stand would leave them · persons: all persons at once
    restoring    writes them
what is shown
    listings     the answers that commands print
    shelf        people and their photos by date, for albums; the views as tables
    sides        what a question shows of its faces, on the page
    nights       runs, problems and the journal, a page at a time · doubles: equal files so
    members      the faces of a person or a cluster, as tiles
    finding      photos by who, when, where and which camera, a page at a time
    looking      one photo and what lies beside it; who is with whom
    reasons      why a face is where it is
    extension    what a viewer's extension reads, as tables of their own
    evaluation   what `eval` tests

Functions that write expect to be called inside db.transaction().
"""
