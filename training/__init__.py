"""How the bundled model is made: from a folder of text to the files in `moe_viz/demo/`."""
