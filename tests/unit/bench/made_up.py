"""Reports of the shape that the benches write, with figures that are easy to reckon with."""

from typing import Any

from bench.report import Outcome, medians
from bench.summary import Reports
from bench.targets import missed

MACHINE = {"cores": 2, "architecture": "x86_64", "system": "Linux", "server": "valkey 9", "durability": "on"}
INGRESS: dict[str, list[dict[str, float]]] = {
    "bare ASGI": [{"per_s": 10_000, "pss_mb": 20}, {"per_s": 12_000, "pss_mb": 20}, {"per_s": 11_000, "pss_mb": 20}],
    "hand-written handler": [
        {"per_s": 900, "fixed_p50_ms": 2, "fixed_p99_ms": 9, "fixed_p999_ms": 20, "fixed_rate": 450, "pss_mb": 30},
        {"per_s": 1100, "fixed_p50_ms": 2, "fixed_p99_ms": 9, "fixed_p999_ms": 20, "fixed_rate": 450, "pss_mb": 30},
        {"per_s": 1000, "fixed_p50_ms": 2, "fixed_p99_ms": 9, "fixed_p999_ms": 20, "fixed_rate": 450, "pss_mb": 30},
    ],
    "Textgate, everysec": [
        {"per_s": 4500, "fixed_p50_ms": 1, "fixed_p99_ms": 3, "fixed_p999_ms": 5, "fixed_rate": 450, "pss_mb": 50},
        {"per_s": 5500, "fixed_p50_ms": 1, "fixed_p99_ms": 3, "fixed_p999_ms": 5, "fixed_rate": 450, "pss_mb": 50},
        {"per_s": 5000, "fixed_p50_ms": 1, "fixed_p99_ms": 3, "fixed_p999_ms": 5, "fixed_rate": 450, "pss_mb": 50},
    ],
}
TEXTGATE = {
    "per_s_1": 2000.0,
    "per_s_2": 2200.0,
    "p50_ms": 6.0,
    "p95_ms": 12.0,
    "p99_ms": 24.0,
    "cpu_us": 1000.0,
    "cpu_us_ingress": 200.0,
    "cpu_us_agent": 100.0,
    "cpu_us_format": 100.0,
    "cpu_us_outbound": 350.0,
    "cpu_us_redis": 250.0,
    "round_trips_per_text": 8.0,
}
ARQ = {"per_s_1": 500.0, "per_s_2": 450.0, "p50_ms": 20.0, "p95_ms": 30.0, "p99_ms": 40.0, "cpu_us": 3000.0}
SCALE = {"commands_per_text": 100.0, "bytes_per_text": 5000.0, "aof_bytes_per_text": 6000.0}


def report(rounds: dict[str, list[dict[str, float]]], **more: Any) -> dict[str, Any]:
    """As `bench.report.report_of` makes it, without a look at this machine."""
    ratios: dict[str, float] = more.pop("ratios", {})
    targets = more.pop("targets", {})
    return {
        "machine": {**MACHINE, "pinning": "nothing", "peers": {"saq": "0.26"}},
        "rounds": max(len(figures) for figures in rounds.values()),
        "contenders": {name: medians(figures) for name, figures in rounds.items()},
        "each_round": rounds,
        "ratios": ratios,
        "targets": targets,
        "missed": missed(ratios, targets),
        **more,
    }


def reports() -> Reports:
    """Three benches that have been run, and one (the engine's) that has not."""
    kept = {"part": {"keys": 1.0, "bytes": 300.0, "days": 30.0}, "seen": {"keys": 1.0, "bytes": 100.0, "days": 7.0}}
    return {
        "ingress": report(
            INGRESS, ratios={"ingress_vs_handwritten": 5.0}, targets={"ingress_vs_handwritten": (">=", 4.0)}
        ),
        "pipeline": report(
            {"Textgate": [TEXTGATE], "arq, tuned": [ARQ]},
            ratios={"pipeline_p50_ms": 9.0},
            targets={"pipeline_p50_ms": ("<=", 8.0), "round_trips_per_text": ("<=", 8)},
        ),
        "scale": report(
            {"1 worker per stage, 10 conversations": [SCALE], "4 workers per stage": [SCALE]},
            ratios={"bytes_per_idle_conversation": 300.0},
            texts=1000,
            kept=kept,
            callback={
                "commands": 10.0,
                "bytes": 500.0,
                "aof_bytes": 250.0,
                "cpu_us_ingress": 150.0,
                "cpu_us_redis": 25.0,
            },
            kept_byte_days_per_text=9700.0,
        ),
    }


def outcome(**ratios: float) -> Outcome:
    """Of a bench with one contender."""
    return Outcome(
        rounds={"a": [{"per_s": 1.0}, {"per_s": 3.0}, {"per_s": 2.0}]},
        names={"a": "a name"},
        ratios=ratios,
        targets=dict.fromkeys(ratios, (">=", 2.0)),
        pinning="nothing",
    )
