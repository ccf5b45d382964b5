"""The rules of all operators that can be cut, and the check that holds an operator against its own."""

from __future__ import annotations

from typing import Final

from collab.errors import NetworkError
from graph.checking.arranging import ARRANGING
from graph.checking.convolutions import CONVOLUTIONS
from graph.checking.elementwise import ELEMENTWISE
from graph.checking.joining import JOINING
from graph.checking.parameters import check_multipliers
from graph.checking.reducing import REDUCING
from graph.checking.rule import MANY, Checked, Rule, options_for
from graph.network import Network, Operator

RULES: Final[dict[str, Rule]] = {**ARRANGING, **CONVOLUTIONS, **ELEMENTWISE, **JOINING, **REDUCING}


def rule_of(network: Network, operator: Operator) -> Rule:
    """Returns an operator's rule.

    Raises:
        NetworkError: there is none.
    """
    rule = RULES.get(operator.name)
    if rule is None:
        raise NetworkError(
            f"{network.source.origin} cannot be cut: nothing is known here of operator {operator.index} ({operator.name});"
            " convert the model without it"
        )
    return rule


def check_operator(network: Network, operator: Operator) -> None:
    """Holds an operator against its rule: options, number, types and shapes of inputs, shapes of outputs.

    Raises:
        NetworkError: it has no rule, or breaks it.
    """
    rule = rule_of(network, operator)
    options = options_for(operator, rule)
    checked = Checked(network, operator, options)
    if operator.options is not None and rule.options is not None and operator.options.table != rule.options:
        checked.refuse(f"has options of another operator ({operator.options.table})")
    _check_count(checked, checked.inputs, rule.inputs, "inputs")
    _check_count(checked, checked.outputs, rule.outputs, "outputs")
    for position in range(rule.inputs[0] if rule.required is None else rule.required):
        checked.tensor(position)
    if rule.inputs[1] == MANY:
        checked.require(-1 not in operator.inputs, "lacks an input in the midst")
    if rule.scaled:
        checked.check_scales()
        check_multipliers(checked)
    for position, shape in enumerate(rule.shapes(checked)):
        declared = checked.out(position).shape
        checked.require(
            tuple(shape) == declared, f"declares an output of shape {list(declared)}, where its inputs and options make {list(shape)}"
        )


def _check_count(checked: Checked, count: int, bounds: tuple[int, int], what: str) -> None:
    checked.require(bounds[0] <= count <= bounds[1], f"has {count} {what}")
