"""Tests; `invented` makes the traces that they run on."""
