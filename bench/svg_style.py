"""What the plots look like: shapes of words and lines, and the colours for a light and a dark page."""

LIGHT = {
    "card": "#ffffff",
    "edge": "#d5dae1",
    "ink": "#1b2430",
    "soft": "#5b6675",
    "grid": "#e6e9ee",
    "ours": "#0b62b0",
    "ours2": "#7fb2e5",
    "peer": "#808b99",
    "peer2": "#c0c7d0",
    "mark": "#b34700",
}
DARK = {
    "card": "#12171e",
    "edge": "#303a47",
    "ink": "#e8edf3",
    "soft": "#9aa7b6",
    "grid": "#252d38",
    "ours": "#58aef5",
    "ours2": "#2b659b",
    "peer": "#8591a1",
    "peer2": "#4d5866",
    "mark": "#ffa45c",
}
SHAPES = """text { font: 13px system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif; }
.title { font-size: 17px; font-weight: 600; } .bold { font-weight: 600; }
.soft, .marked { font-size: 12px; } .figure { font-variant-numeric: tabular-nums; }
.figure, .marked { paint-order: stroke; stroke-width: 4px; stroke-linejoin: round; }
.mark { stroke-dasharray: 5 4; stroke-width: 1.5; } .span { stroke-width: 3; }"""


def _colours(tint: dict[str, str]) -> str:
    """Written out rather than as CSS variables, which not every viewer of SVG knows."""
    rules = {
        "text": f"fill: {tint['ink']}",
        ".soft": f"fill: {tint['soft']}",
        ".marked": f"fill: {tint['mark']}; stroke: {tint['card']}",
        ".figure": f"stroke: {tint['card']}",
        ".point": f"stroke: {tint['card']}; stroke-width: 1.5",
        ".card": f"fill: {tint['card']}; stroke: {tint['edge']}",
        ".grid": f"stroke: {tint['grid']}",
        ".whisker": f"stroke: {tint['ink']}; fill: none",
        ".mark": f"stroke: {tint['mark']}",
        **{f".{name}": f"fill: {tint[name]}" for name in ("ours", "ours2", "peer", "peer2")},
        ".span.peer": f"stroke: {tint['peer2']}",
        ".span.ours": f"stroke: {tint['ours2']}",
    }
    return "\n".join(f"{name} {{ {rule}; }}" for name, rule in rules.items())


STYLE = f"""<style>
{SHAPES}
{_colours(LIGHT)}
@media (prefers-color-scheme: dark) {{
{_colours(DARK)}
}}
</style>"""
