"""How packages and runs look in a notebook. Text from records is escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cognify_core.model.shown import html_table

if TYPE_CHECKING:
    from cognify_core.api.exporting import Package
    from cognify_core.api.views import RunView
    from cognify_core.canonical import Json


def package_html(package: Package) -> str:
    """A package: its hash, where it lies, and its receipt."""
    return html_table(
        f"package of {package.run_id}",
        [
            ("package_hash", package.package_hash),
            ("path", package.path),
            ("receipt", package.receipt_path),
            ("format", package.format if package.template is None else f"{package.format}, {package.template}"),
        ],
    )


def run_html(view: RunView) -> str:
    """A run: its state, its nodes with their digests, and its gaps."""
    row = view.row
    nodes = view.lineage["nodes"] if view.lineage else []
    return html_table(
        f"{row.run_id}: {row.status}",
        [
            ("project", row.project),
            ("events", row.size),
            ("complete", {True: "yes", False: "no", None: "still open"}[row.complete]),
            *(
                (
                    node["id"] if node["id"] == node["type"] else f"{node['type']} {node['id']}",
                    node["hash"] or _why_not(node),
                )
                for node in nodes
            ),
            *((f"gap: {gap.subject}", f"{gap.reason} → {gap.mend}" if gap.mend else gap.reason) for gap in view.gaps),
        ],
    )


def _why_not(node: dict[str, Json]) -> str:
    return f"{node['assurance']} ({node['reason']})" if "reason" in node else str(node["assurance"])
