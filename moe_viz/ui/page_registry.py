"""The pages of the app, in the order of its navigation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PageEntry:
    """A page."""

    name: str
    """In the address, and of its file in `pages/`."""
    title: str
    icon: str
    """One of Streamlit's Material icons."""
    description: str
    """One line on what it shows; also the first line of its file."""
    of_a_text: bool = False
    """Whether it can show the text that the session looks at."""

    @property
    def file(self) -> str:
        """Where it is, from the root of the app."""
        return f"pages/{self.name}.py"

    @property
    def icon_name(self) -> str:
        """Its icon as Streamlit takes it."""
        return f":material/{self.icon}:"


PAGES = (
    PageEntry("routing", "Routing", "route", "Type a text, see every router's choices.", of_a_text=True),
    PageEntry(
        "layers",
        "Layers",
        "layers",
        "A text, or a whole profile, layer by layer: how the work is spread over the experts.",
        of_a_text=True,
    ),
    PageEntry("domains", "Domains", "category", "Which experts serve which kind of text, and how certain that is."),
    PageEntry(
        "experts",
        "Experts",
        "grid_view",
        "One expert at a time: which domains it serves, which tokens it takes, which experts it works with.",
    ),
    PageEntry(
        "flow",
        "Flow",
        "account_tree",
        "Which experts work on the same tokens, and the tokens' way from router to router.",
    ),
    PageEntry(
        "training",
        "Training",
        "timeline",
        "A recording of how the bundled model learnt to route, and of how it collapses without load balancing.",
    ),
    PageEntry(
        "models", "Models", "hub", "The model in use, how to load another one, and well-known models to compare."
    ),
    PageEntry("learn", "Learn", "school", "Mixture of experts, taught on a real model."),
    PageEntry("predict", "Predict", "psychology_alt", "Questions from real routing: predict the answer, then see it."),
    PageEntry("glossary", "Glossary", "dictionary", "The words of the field, each with where to see it."),
)
"""The first is the one that opens by default."""


def page_entry(name: str) -> PageEntry:
    """The page of that name. Raises KeyError if there is none."""
    return {page.name: page for page in PAGES}[name]
