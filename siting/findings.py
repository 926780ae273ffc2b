"""What is wrong with data, for people: findings are collected, never raised."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from siting import words

SEVERITIES = ("error", "warning", "info")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing wrong with one place of the data.

    Parameters
    ----------
    code : str
        What kind of problem; the catalogue holds ``finding.CODE.message`` and ``finding.CODE.remedy``.
    severity : str
        ``error`` (row kept aside), ``warning`` (row lands, marked) or ``info``.
    row : int or None
        Row as the user sees it in the file, heading included; feature number from 1 in a GIS file.
    column, sheet : str
        Heading and sheet as the user sees them.
    value : str
        The offending value, as text.
    values : mapping
        Further named values of the message.
    """

    code: str
    severity: str = "error"
    row: int | None = None
    column: str = ""
    sheet: str = ""
    value: str = ""
    values: Mapping[str, object] = field(default_factory=dict)

    @property
    def message(self) -> str:
        """What is wrong, in Chinese."""
        return self.say("message")

    @property
    def remedy(self) -> str:
        """What to do, in Chinese."""
        return self.say("remedy")

    def say(self, part: str, *, lang: str = words.DEFAULT_LANGUAGE) -> str:
        """``message`` or ``remedy`` in the user's language."""
        values = {**self.values, "value": self.value, "column": self.column, "row": self.row}
        return words.say(f"finding.{self.code}.{part}", lang=lang, **values)


@dataclass(frozen=True)
class Findings:
    """All findings of one piece of work, in the order in which they were met."""

    items: tuple[Finding, ...] = ()

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __add__(self, other: "Findings | Iterable[Finding]") -> "Findings":
        return Findings(self.items + tuple(other))

    def of(self, *severities: str) -> "Findings":
        """Only those of the given severities."""
        return Findings(tuple(f for f in self.items if f.severity in severities))

    def counts(self) -> dict[str, int]:
        """Number of findings by code, most frequent first."""
        return dict(Counter(f.code for f in self.items).most_common())

    def rows(self, *, lang: str = words.DEFAULT_LANGUAGE) -> list[dict[str, object]]:
        """One flat record per finding, for tables and files."""
        return [
            {
                "sheet": f.sheet,
                "row": f.row,
                "column": f.column,
                "severity": f.severity,
                "code": f.code,
                "value": f.value,
                "message": f.say("message", lang=lang),
                "remedy": f.say("remedy", lang=lang),
            }
            for f in self.items
        ]
