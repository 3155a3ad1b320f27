"""`python -m bench [ingress|engine|pipeline|scale] [--json] [--quick]`: every measurement, or one."""

import sys

from bench import engine, ingress, pipeline, scale

BENCHES = {"engine": engine.main, "ingress": ingress.main, "pipeline": pipeline.main, "scale": scale.main}


def main(argv: list[str]) -> int:
    """Run the bench that the first word names, or all of them; the worst exit status."""
    if argv and argv[0] in BENCHES:
        return BENCHES[argv[0]](argv[1:])
    if argv and not argv[0].startswith("-"):
        print(f"no bench {argv[0]!r}; there are: {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    worst = 0
    for name, run in BENCHES.items():
        print(f"== {name}", flush=True)
        worst = max(worst, run(argv))
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
