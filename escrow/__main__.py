"""`python -m escrow COMMAND` is the same as `escrow COMMAND`."""

from escrow.cli import main

if __name__ == "__main__":
    main()
