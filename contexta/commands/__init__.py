"""What the commands of `contexta` answer, one module for each group of them.

`parser` lists all commands and their options as data; argparse, the help, the completion scripts and the
tests of the documentation are made from it. A command gets a `Desk` to ask at and returns an `Answer`: lines,
tables and a JSON document, as plain values. Nothing here prints, knows colours' codes or ends the process;
that is `contexta.cli`. So every command can be asked in a test or a script without a terminal.
"""
