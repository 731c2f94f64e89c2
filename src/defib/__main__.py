"""`python -m defib` is `defib`."""

from defib.cli.main import main

if __name__ == "__main__":
    main()
