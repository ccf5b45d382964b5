"""``python -m syncnas``, which is the console script ``syncnas``."""

from syncnas.commands import main

if __name__ == "__main__":
    main()
