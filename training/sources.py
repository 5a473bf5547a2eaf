"""Where the bundled model's training text comes from, for the attribution in its card."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """One origin of text."""

    domain: str
    name: str
    """GitHub repository, or package."""
    commit: str | None
    """The first digits of the commit that was read; None if the source is not a repository."""
    licence: str
    attribution: str


OPENSTAX = "OpenStax, Rice University; access for free at openstax.org"
ELTEC = "European Literary Text Collection (ELTeC), COST Action CA16204"
NOVELS = "texts in the public domain; markup CC BY 4.0"

SOURCES = (
    Source(
        "chess",
        "official-stockfish/books",
        "33185e117fc2",
        "CC0 1.0",
        "the Stockfish developers, B. J. Braams",
    ),
    Source(
        "chinese_classical",
        "chinese-poetry/chinese-poetry",
        "99ebbef7e134",
        "MIT; texts in the public domain",
        "the chinese-poetry contributors",
    ),
    Source("cpp", "headers that the torch package installs", None, "BSD-3-Clause", "the PyTorch contributors"),
    Source(
        "dialogue",
        "google-research-datasets/dstc8-schema-guided-dialogue",
        "e852981ae349",
        "CC BY-SA 4.0",
        "Rastogi et al., Schema-Guided Dialogue dataset, Google Research",
    ),
    Source(
        "dialogue",
        "google-research-datasets/Taskmaster",
        "d92cb6af3005",
        "CC BY 4.0",
        "Taskmaster-4, Google Research",
    ),
    Source("english_fiction", "COST-ELTeC/ELTeC-eng", "3db3b6738a83", NOVELS, ELTEC),
    Source("english_textbook", "openstax/osbooks-us-history", "046331cfcea0", "CC BY 4.0", OPENSTAX),
    Source("english_textbook", "openstax/osbooks-psychology", "e061043bf2f9", "CC BY 4.0", OPENSTAX),
    Source(
        "english_textbook",
        "openstax/osbooks-introduction-political-science",
        "4391e659b98e",
        "CC BY 4.0",
        OPENSTAX,
    ),
    Source("english_textbook", "openstax/osbooks-introduction-philosophy", "d7bd4f0f5205", "CC BY 4.0", OPENSTAX),
    Source("french", "COST-ELTeC/ELTeC-fra", "83f0a43fdb96", NOVELS, ELTEC),
    Source("german", "COST-ELTeC/ELTeC-deu", "d1eed488bd57", NOVELS, ELTEC),
    Source("javascript", "eslint, the npm package", None, "MIT", "OpenJS Foundation and other contributors"),
    Source(
        "law",
        "DCCouncil/law-xml",
        "9123af018003",
        "public domain (text of statutes)",
        "Council of the District of Columbia",
    ),
    Source("math_latex", "OpenLogicProject/OpenLogic", "9620cc73f9c8", "CC BY 4.0", "the Open Logic Project"),
    Source(
        "math_latex",
        "HoTT/book",
        "578b85cc8d58",
        "CC BY-SA 3.0",
        "The Univalent Foundations Program, Homotopy Type Theory",
    ),
    Source(
        "math_steps",
        "openai/grade-school-math (training part)",
        "3101c7d50724",
        "MIT",
        "Cobbe et al., GSM8K, OpenAI",
    ),
    Source("math_steps", "arithmetic made by a script of ours", None, "CC0 1.0", "-"),
    Source(
        "poetry",
        "facjure/public-domain-poetry",
        "f734b8eb96d1",
        "public domain (poets dead before 1930)",
        "the public-domain-poetry contributors",
    ),
    Source(
        "python",
        "CPython's standard library",
        None,
        "PSF-2.0",
        "Copyright © 2001 Python Software Foundation",
    ),
    Source("russian", "dracor-org/rusdracor", "b178c0401ffc", "CC0 1.0", "RusDraCor, the DraCor project"),
    Source("science_medicine", "openstax/osbooks-anatomy-physiology", "b0058a743bdd", "CC BY 4.0", OPENSTAX),
    Source("science_medicine", "openstax/osbooks-microbiology", "ecf34dad129d", "CC BY 4.0", OPENSTAX),
    Source("science_medicine", "openstax/osbooks-chemistry-bundle", "32c719622fbb", "CC BY 4.0", OPENSTAX),
    Source("shell_commands", "tldr-pages/tldr", "08e345f42639", "CC BY 4.0", "the tldr-pages contributors"),
    Source("spanish", "COST-ELTeC/ELTeC-spa", "83e2a22d5ef6", NOVELS, ELTEC),
    Source(
        "structured_data",
        "factbook/factbook.json",
        "8662a8b17a78",
        "CC0 1.0",
        "CIA World Factbook",
    ),
)
