"""The log of the server, for the person who runs it."""

from __future__ import annotations

import json
import logging
import os
from functools import cache

from moe_viz.errors import InputError

_VARIABLE = "MOE_VIZ_LOG"


class Lines(logging.Formatter):
    """Each record as one line of JSON. What a record says in JSON itself is taken over field by field."""

    def format(self, record: logging.LogRecord) -> str:
        said = record.getMessage()
        facts = json.loads(said) if said.startswith("{") else {"event": said}
        if record.exc_info:
            facts["exception"] = self.formatException(record.exc_info)
        return json.dumps({"time": self.formatTime(record), "level": record.levelname} | facts)


@cache
def log_as_asked() -> None:
    """Write the log to standard error, if `MOE_VIZ_LOG` asks for it by a level such as `info`.

    At `info` there is a line for every pass of the model and every step of continuations.
    Raises InputError for an unknown level.
    """
    asked = os.environ.get(_VARIABLE)
    if not asked:
        return
    level = logging.getLevelNamesMapping().get(asked.upper())
    if level is None:
        raise InputError(f"{_VARIABLE} is {asked!r}; expected debug, info, warning or error")
    handler = logging.StreamHandler()
    handler.setFormatter(Lines())
    logger = logging.getLogger("moe_viz")
    logger.setLevel(level)
    logger.addHandler(handler)
    logger.propagate = False
