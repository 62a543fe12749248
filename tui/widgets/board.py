"""The board: holds the panels and puts each where the plan says."""

from __future__ import annotations

from textual.geometry import NULL_OFFSET, NULL_SPACING, Size
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.widget import Widget

from tui.arrange import Plan


class _Planned(Layout):
    """Places children by id after the board's plan."""

    name = "planned"

    def arrange(self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True) -> ArrangeResult:
        """Return a placement for every child that the plan has a place for."""
        assert isinstance(parent, Board)
        regions = parent.plan.regions
        return [
            WidgetPlacement(size.region if child.id == "wireframe" else regions[child.id], NULL_OFFSET, NULL_SPACING, child)
            for child in children
            if child.id is not None and (child.id == "wireframe" or child.id in regions)
        ]


class Board(Widget):
    """A container whose layout is a `Plan`; a child without a place in it is not displayed."""

    DEFAULT_CSS = """
    Board { width: 1fr; height: 1fr; background: $background; }
    """

    def __init__(self, *children: Widget, id: str | None = None) -> None:
        super().__init__(*children, id=id)
        self.plan = Plan((0, 0), "")
        self._planned = _Planned()

    @property
    def layout(self) -> Layout:
        """The layout that places children after the plan."""
        return self._planned

    def follow(self, plan: Plan) -> None:
        """Lay the children out after `plan`."""
        self.plan = plan
        for child in self.children:
            child.display = child.id == "wireframe" or child.id in plan.regions
        # Textual keeps an arrangement for as long as size and children stay, and knows nothing of the plan.
        self._clear_arrangement_cache()
        self.refresh(layout=True)
