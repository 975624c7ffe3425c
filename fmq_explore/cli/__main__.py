"""`python -m fmq_explore.cli`: the command line without its script."""

from . import main

if __name__ == "__main__":  # a worker process imports this file, too
    main()
