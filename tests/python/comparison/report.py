"""What a comparison found: differences, rules used, notes and totals."""

import dataclasses

from . import rules


@dataclasses.dataclass
class Report:
    """Empty at first; the comparisons fill it in. `equal` says whether anything was found to differ."""

    differences: list[str] = dataclasses.field(default_factory=list)
    rules_used: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    notes: list[str] = dataclasses.field(default_factory=list)
    variables: int = 0
    chunks: int = 0
    stored_bytes: int = 0

    @property
    def equal(self) -> bool:
        return not self.differences

    def differ(self, line: str):
        self.differences.append(line)

    def use(self, rule: str, subject: str):
        if rule not in rules.MEANING:
            raise ValueError(f"no rule is called {rule}")
        self.rules_used.setdefault(rule, []).append(subject)

    def note(self, line: str):
        self.notes.append(line)

    def as_json(self) -> dict:
        return {
            "equal": self.equal,
            "variables": self.variables,
            "chunks": self.chunks,
            "stored_bytes": self.stored_bytes,
            "differences": self.differences,
            "rules": self.rules_used,
            "notes": self.notes,
        }

    def as_text(self) -> str:
        lines = [f"different: {line}" for line in self.differences]
        for rule, subjects in sorted(self.rules_used.items()):
            lines.append(f"rule {rule}, {len(subjects)} times ({', '.join(subjects)}): {rules.MEANING[rule]}")
        lines += [f"note: {line}" for line in self.notes]
        verdict = "equal" if self.equal else f"{len(self.differences)} differences"
        lines.append(f"{verdict}: {self.variables} variables, {self.chunks} chunks, {self.stored_bytes} bytes stored")
        return "\n".join(lines)
