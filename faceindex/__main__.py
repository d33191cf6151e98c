"""python -m faceindex"""

from faceindex.cli import main

if __name__ == "__main__":
    main()
