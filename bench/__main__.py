"""`python -m bench [ingress|engine|pipeline|scale] [--json] [--quick]`: every measurement and a summary, or one."""

import sys
import tempfile
from pathlib import Path

from bench import engine, ingress, pipeline, scale, summary
from bench.report import RESULTS, options

BENCHES = {"ingress": ingress.main, "engine": engine.main, "pipeline": pipeline.main, "scale": scale.main}


def main(argv: list[str]) -> int:
    """Run the bench that the first word names, or all of them; the worst exit status."""
    if argv and argv[0] in BENCHES:
        return BENCHES[argv[0]](argv[1:])
    if argv and not argv[0].startswith("-"):
        print(f"no bench {argv[0]!r}; there are: {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    chosen = options("", f"\n\n{__doc__}", argv)
    with tempfile.TemporaryDirectory() as aside:
        folder = chosen.results or (Path(aside) if chosen.quick else RESULTS)
        return run_all([*argv, "--results", str(folder)], folder)


def run_all(argv: list[str], folder: Path) -> int:
    """One bench after the other, then what they say together. One that cannot be run does not stop the others."""
    worst = 0
    for name, run in BENCHES.items():
        print(f"== {name}", flush=True)
        try:
            worst = max(worst, run(argv))
        except SystemExit as ended:
            print(f"{name} was given up: {ended}", file=sys.stderr)
            worst = 1
    print("== summary")
    print(summary.text(summary.write(folder)))
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
