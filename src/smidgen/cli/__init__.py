"""The command line: parse, call one function, print. Nothing else prints or exits."""
