"""Stacks go through histories that hypothesis chooses, and the account always balances with what they declare."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from tests.faults.history import ALTERNATIVES, KINDS, History, Mishap, Template, told

if TYPE_CHECKING:
    from tests.faults.cloudformation import Json
    from tests.faults.laboratory import Laboratory

EXAMPLES = int(os.environ.get("FAULTS_EXAMPLES", "25"))
STEPS = 5
SETTINGS = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    derandomize=True,
    database=None,
    deadline=None,
    phases=(Phase.generate,) if EXAMPLES <= 25 else (Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)

LOGICAL_IDS = st.sampled_from(list(ALTERNATIVES))
MISHAPS = st.builds(Mishap, LOGICAL_IDS, st.sampled_from(KINDS), st.integers(1, 12))
UNDISTURBED = Mishap("Named", "none", 0)


def _templates() -> st.SearchStrategy[Template]:
    optional = {
        logical_id: st.integers(0, len(alternatives) - 1) for logical_id, (_, alternatives) in ALTERNATIVES.items()
    }
    return st.fixed_dictionaries({}, optional=optional).filter(bool)


def _machine(lab: Laboratory) -> type[RuleBasedStateMachine]:
    expected: dict[str, Json] = {}

    class Histories(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.history = History(lab, expected=expected)

        @rule(template=_templates(), mishap=MISHAPS, neighbour_fails=st.booleans(), older=st.booleans())
        def deploy(self, template: Template, mishap: Mishap, neighbour_fails: bool, older: bool) -> None:
            told(
                self.history,
                lambda: self.history.deploy(template, mishap, neighbour_fails=neighbour_fails, older=older),
            )

        @precondition(lambda self: self.history.template)
        @rule(mishap=MISHAPS)
        def delete(self, mishap: Mishap) -> None:
            told(self.history, lambda: self.history.delete(mishap))

        @precondition(lambda self: self.history.template)
        @rule(retained=LOGICAL_IDS)
        def delete_except_for(self, retained: str) -> None:
            told(self.history, lambda: self.history.delete(UNDISTURBED, retained))

        @invariant()
        def balances(self) -> None:
            told(self.history, self.history.check)

        def teardown(self) -> None:
            if self.history.template:
                told(self.history, lambda: self.history.delete(UNDISTURBED))
                told(self.history, self.history.check)

    return Histories


def test_whatever_a_stack_goes_through_the_account_balances_with_it(lab: Laboratory) -> None:
    run_state_machine_as_test(_machine(lab), settings=SETTINGS)
