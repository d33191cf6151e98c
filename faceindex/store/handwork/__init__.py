"""All human work as one thing that can leave this index, and come into another.

gathering   what humans said, as it stands, told by pictures and boxes
bringing    the way back, step by step: places, words, groups, apart
places      which face of this index is at each place that the file names
words       what the file says of persons and single faces
groups      faces that were one cluster are one cluster again
apart       clusters that are different people, faces that do not belong to one
bench       what these steps share: faces as they were, and what is to be told in the end
"""
