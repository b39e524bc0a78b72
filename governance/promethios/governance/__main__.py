"""``python -m promethios.governance``: the command line, where no script is installed."""

from promethios.governance.cli import main

if __name__ == "__main__":
    main(prog_name="promethios")
