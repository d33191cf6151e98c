"""Neural networks without a framework: dlib's, on onnxruntime, with dlib's results.

| module | its one job |
|---|---|
| `detector`, `encoder`, `hog` | the room's face: pixels in, faces out; chips in, encodings out |
| `found` | what a detector finds |
| `sessions` | a network running, on the CPU where its device fails |
| `devices` | what a network can run on here |
| `cache` | graphs built once, kept in the user's cache folder |
| `pyramid` | where dlib puts each size of a picture on its CNN's tile, and the way back |
| `encoder_graph`, `detector_graph` | dlib's two networks as ONNX graphs |
| `graph` | ONNX graphs node by node; only this and its users import onnx |
| `weights` | a network file of dlib's as plain layers |
| `layers` | what such layers are, and how a file spells each |
| `serialized` | the primitives of dlib's format: integers, floats, tensors … |
"""
