"""What stands in place of a module's `forward` while somebody listens to it.

One object per module holds all who listen. So they come and go in any order, and none is nested
in another. The object never travels: a deep copy, a pickle and `torch.save` get what it calls,
so that a copy of a module calls itself and is listened to by nobody.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import partial
from threading import RLock
from types import MethodType
from typing import Any

from torch import nn

Listener = Callable[[tuple[Any, ...], Any], None]
"""Called with a call's positional arguments and its output."""

_CHANGING = RLock()
"""Held while listeners come or go. A garbage collection may let one go within."""


class ListenedForward:
    """Calls a module's own `forward`, then each listener. The last listener that goes takes it off the module."""

    __slots__ = ("__wrapped__", "_had_own", "_listeners", "module")

    def __init__(self, module: nn.Module) -> None:
        self.__wrapped__ = module.forward
        """What it calls, under the name by which `inspect.signature` finds it."""
        self._had_own = "forward" in vars(module)  # as accelerate gives a module that it offloads
        self._listeners: tuple[Listener, ...] = ()
        self.module = module

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        output = self.__wrapped__(*args, **kwargs)
        for listen in self._listeners:
            listen(args, output)
        return output

    def __reduce__(self) -> tuple[Any, ...]:
        """It is copied and pickled as what it calls: a copied method belongs to the copied module."""
        return operator.getitem, ((self.__wrapped__,), 0)

    def __getattr__(self, name: str) -> Any:
        """Its name, its text and its module are those of what it calls."""
        return getattr(self.__wrapped__, name)

    def add(self, listen: Listener) -> None:
        """Have `listen` called after each call of the module, until it is removed."""
        self._listeners = (*self._listeners, listen)
        vars(self.module)["forward"] = self

    def hears(self, listen: Listener) -> bool:
        """Whether `listen` still learns of the module's calls: nobody has put the module's own forward back."""
        if listen not in self._listeners:
            return False
        forward, hooked = self.module.forward, vars(self.module).get("_old_forward")
        while forward is not self:
            if isinstance(forward, ListenedForward):
                forward = forward.__wrapped__
            elif isinstance(forward, partial) and hooked is not None:  # accelerate's, which calls `_old_forward`
                forward, hooked = hooked, None
            else:  # somebody else's function may call it; the class's own does not
                return not (isinstance(forward, MethodType) and forward.__func__ is type(self.module).forward)
        return True

    def remove(self, listen: Listener) -> None:
        """Let a listener go, if it is there."""
        with _CHANGING:
            self._listeners = tuple(other for other in self._listeners if other is not listen)
            if not self._listeners:
                self._take_off()

    def _take_off(self) -> None:
        """Where somebody has wrapped it since, it stays within, and does nothing."""
        own = vars(self.module)
        if own.get("forward") is self and not self._had_own:
            del own["forward"]
        for place in ("forward", "_old_forward"):  # the latter is accelerate's, which wraps what it finds
            if own.get(place) is self:
                own[place] = self.__wrapped__


def listen_to(module: nn.Module, listen: Listener) -> ListenedForward:
    """Add a listener to a module. What it was added to is returned, to remove it from."""
    with _CHANGING:
        own = vars(module).get("forward")
        forward = own if isinstance(own, ListenedForward) and own.module is module else ListenedForward(module)
        forward.add(listen)
        return forward
