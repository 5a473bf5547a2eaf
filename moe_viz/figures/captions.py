"""The captions that state a number: each sentence is made from the table that the figure shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd


def effective_experts_in_words(table: pd.DataFrame) -> str:
    """How to read the bars, and how many experts are dead. `table` is a `layer_table`."""
    dead, experts = int(table["dead_experts"].sum()), int(table["num_experts"].sum())
    return (
        "The filled bar is e to the entropy of the load: this many experts, evenly used, would have the same entropy."
        f" Dead experts (less than a tenth of an even load): {dead:,} of {experts:,}."
    )


def information_in_words(experts_per_choice: Iterable[float], domains: int, *, interval: bool) -> str:
    """How to read domain information, and its largest possible value.

    `experts_per_choice`: for each router, its experts over its experts per token.
    """
    most = np.log2(min(domains, max(experts_per_choice)))
    return (
        f"0: the expert tells nothing about the kind of text; here it can tell at most {most:.2f}"
        " bits. A value below the dashed line could be chance. "
        + ("" if interval else "There is no interval, because a domain has only one text. Add several texts of each.")
    )


def given_token_in_words(table: pd.DataFrame) -> str:
    """How to read what is left once the token is known, and how much of the text this covers.

    `table` is an `information_table`.
    """
    return (
        "Domains differ in their words, and routers look at the word. The dashed line cannot come from"
        f" that: it compares each token with itself in other domains, for the {int(table['tokens'].max()):,}"
        f" tokens that are common enough ({table['share_of_text'].max():.0%} of the text). Near 0, the layer looks"
        " only at the token. The other line is for all the text, and may lie below."
    )


def specialists_in_words(table: pd.DataFrame) -> str:
    """How many experts are marked, of those that could be tested. `table` is a `use_table`."""
    return f"Specialists: {int(table['marked'].sum()):,} of {int(table['q'].notna().sum()):,}"


def confirmed(table: pd.DataFrame) -> str:
    """How many specialists of one half are confirmed in the other. `table` is a `held_out_table`."""
    return f"{int(table['confirmed'].sum()):,} of {len(table):,} confirmed"


def held_out_in_words(table: pd.DataFrame) -> str:
    """The same, with the mean difference in each half."""
    return (
        f"{confirmed(table)} in texts that had no part in choosing them. Their mean difference was"
        f" {table['fitted'].mean():+.1%} where they were found and {table['held_out'].mean():+.1%} in the other half."
        " A point far below the line is an effect of the choice."
    )


def bits(layers: Sequence[str], values: pd.Series) -> str:
    """A line's values, for people who do not see it."""
    return ", ".join(f"{layer}: {value:.2f} bits" for layer, value in zip(layers, values, strict=True))


def share_by_domain_in_words(table: pd.DataFrame) -> str:
    """The points' values, for people who do not see them. `table` has a row for each domain: name, share."""
    return ", ".join(f"{name}: {share:.1%}" for name, share in zip(table["name"], table["share"], strict=True))


def load_in_words(table: pd.DataFrame, expert: int, layer: str) -> str:
    """The bar that stands out, in words. `table` has a row for each expert: expert, load."""
    of_expert = table.set_index("expert")["load"][expert]
    return f"expert {expert}: {of_expert:.1%} of the assignments of {layer}"


def expert_in_numbers(loads: pd.DataFrame, uses: pd.DataFrame, expert: int, tokens: int) -> dict[str, str]:
    """One expert's headline, label by label.

    `loads` has a row for each expert of its layer: expert, tokens, load; `uses` is the expert's part of a
    `use_table`, without rows where nothing was tested; `tokens`: the number of tokens of the text.
    """
    own = loads[loads["expert"] == expert].iloc[0]
    facts = {
        "Tokens it took": f"{int(own['tokens']):,}",
        "Share of all tokens": f"{own['tokens'] / tokens:.1%}",
        "Place by load": f"{int((loads['load'] > own['load']).sum()) + 1} of {len(loads)}",
    }
    return facts if uses.empty else facts | {"Domains marked": f"{int(uses['marked'].sum())}"}


def pairs(table: pd.DataFrame) -> str:
    """The strongest pairs in words. `table` is a `coactivation_table`."""
    rows = table.dropna(subset="share").nlargest(5, "share")
    return ", ".join(f"expert {row.expert} with {row.other}: {row.share:.0%}" for row in rows.itertuples())


def strongest(table: pd.DataFrame) -> str:
    """The strongest experts of one direction in words. `table` is a `by_strength`."""
    rows = table[table["named"]].head(5)
    return ", ".join(f"expert {row.other} {row.share:.0%}" for row in rows.itertuples())


def flow(strengths: Mapping[str, pd.DataFrame], routers: Mapping[str, tuple[str, int]]) -> str:
    """How to read a flow, and how many of a token's experts the named ones make up.

    `strengths`: a `by_strength` for each direction; `routers`: for each direction the router's
    name and its experts per token.
    """
    parts = []
    for direction, strength in strengths.items():
        layer, top_k = routers[direction]
        named = strength.loc[strength["named"], "share"].sum()
        parts.append(f"{named:.1f} of a token’s {top_k} {'expert' if top_k == 1 else 'experts'} in {layer}")
    return (
        "Beside each expert: the share of these tokens that also took it, and this share as a multiple of"
        f" chance. The named experts make up {' and '.join(parts)}."
    )


def weights_in_numbers(table: pd.DataFrame) -> dict[str, int | float]:
    """A model's total weights, the weights that one token uses, and their share; `table` is the table of `shares`."""
    total, used = int(table["weights"].sum()), int(table["always"].sum() + table["chosen"].sum())
    return {"Weights": total, "One token uses": used, "Of all weights": used / total}
