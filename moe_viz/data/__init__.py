"""The values that everything else is computed from, and their files. numpy alone."""
