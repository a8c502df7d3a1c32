"""The command line tool `ecrctl`. Imports run down: main, commands, outputs, warnings, plan, inputs, formatting."""
