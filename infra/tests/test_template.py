"""template.yaml keeps every rule of rules.py."""

import pytest
import rules
from stack import load


TEMPLATE = load()


@pytest.mark.parametrize("rule", rules.ALL, ids=lambda rule: rule.__name__)
def test_rule(rule):
    assert list(rule(TEMPLATE)) == []


def test_the_rules_are_found():
    assert len(rules.ALL) >= 24
