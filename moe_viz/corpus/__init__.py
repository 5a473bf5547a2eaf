"""Documents in, windows of tokens through a model, a profile out: one way for the page, the command and Python."""
