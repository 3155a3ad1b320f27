"""What each ratio has to reach, and whether it does. Pure."""

Targets = dict[str, tuple[str, float]]
"""By ratio: `>=` or `<=`, and what is wanted."""


def reached(value: float, sign: str, wanted: float) -> bool:
    """Whether a ratio is where it has to be."""
    return value >= wanted if sign == ">=" else value <= wanted


def missed(ratios: dict[str, float], targets: Targets) -> list[str]:
    """The targets that were not reached, in words; one that was not measured is one of them."""
    wrong = []
    for name, (sign, wanted) in targets.items():
        if name not in ratios:
            wrong.append(f"{name}: not measured, target {sign} {wanted:g}")
        elif not reached(ratios[name], sign, wanted):
            wrong.append(f"{name}: {ratios[name]:g}, target {sign} {wanted:g}")
    return wrong
