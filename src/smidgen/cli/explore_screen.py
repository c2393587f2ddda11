"""The full screen of ``smidgen explore``: layers to the left, files, packages and wasted bytes to the right.

All texts are of whoever made the image, so none of them is taken for markup or for a terminal's commands.
"""

import stat
import tempfile
from pathlib import Path
from typing import ClassVar, Final

from rich.text import Text
from textual import on, work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import DataTable, Footer, Input, Static, TabbedContent, TabPane, Tree
from textual.widgets.tree import TreeNode

from smidgen.analyze.explained import ExplainedBinary, ExplainedImage, ExplainedLayer
from smidgen.analyze.image.extract import extract
from smidgen.analyze.image.walk import ImageContent
from smidgen.analyze.image.waste import grouped
from smidgen.analyze.walk_file import explain_file
from smidgen.errors import SmidgenError
from smidgen.image.image import Image
from smidgen.layer.entry import Kind
from smidgen.report.file_browser import BrowsedFile, Change, View, browse, matching
from smidgen.report.made_by import instruction
from smidgen.report.printable import printable
from smidgen.report.text import human_size

_STYLES: Final = {Change.ADDED: "green", Change.CHANGED: "yellow", Change.REMOVED: "red strike", Change.SAME: ""}
_KINDS: Final = {
    Kind.DIRECTORY: stat.S_IFDIR,
    Kind.SYMLINK: stat.S_IFLNK,
    Kind.CHARACTER_DEVICE: stat.S_IFCHR,
    Kind.BLOCK_DEVICE: stat.S_IFBLK,
    Kind.FIFO: stat.S_IFIFO,
}
# Rows of a table, and nodes below one directory, that are drawn; more do not help a person.
_MOST: Final = 2000


class Explorer(App[None]):
    """The application.

    Args:
        image: The single image; its layers stay readable as long as this runs.
        explained: What is in its layers.
        content: What a container sees of them, and what is wasted.
    """

    TITLE = "smidgen explore"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #left { width: 45%; }
    #layers { height: 40%; }
    #about { height: 1fr; border-top: solid $primary; padding: 0 1; }
    #filter { display: none; }
    #filter.shown { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "Quit"),
        Binding("w", "next_view", "View"),
        Binding("s", "toggle_order", "By size/name"),
        Binding("a", "toggle_change('added')", "Added"),
        Binding("m", "toggle_change('changed')", "Changed"),
        Binding("r", "toggle_change('removed')", "Removed"),
        Binding("u", "toggle_change('unchanged')", "Unchanged"),
        Binding("b", "toggle_attributes", "Modes"),
        Binding("e", "expand", "Open/close all"),
        Binding("slash", "filter", "Filter"),
        Binding("p", "packages", "Packages"),
        Binding("escape", "clear", "Clear", show=False),
    ]

    def __init__(self, image: Image, explained: ExplainedImage, content: ImageContent) -> None:
        super().__init__()
        self._image = image
        self._explained = explained
        self._content = content
        self._number = max(len(explained.layers) - 1, 0)
        self._view = View.WHOLE
        self._by_size = False
        self._attributes = True
        self._expanded = False
        self._hidden: set[Change] = set()
        self._text = ""
        self._root: BrowsedFile | None = None
        self._shown: frozenset[str] | None = None

    def compose(self) -> ComposeResult:
        """Lay out the screen."""
        with Horizontal():
            with Vertical(id="left"):
                yield DataTable[Text](id="layers", cursor_type="row")
                with VerticalScroll(id="about"):
                    yield Static(id="details")
            with TabbedContent(id="right"):
                with TabPane("Files", id="files"):
                    yield Input(placeholder="part of a path", id="filter")
                    yield Tree[BrowsedFile]("/", id="tree")
                with TabPane("Packages", id="packages"):
                    yield Static("Choose an executable in the files, and press p.", id="program")
                    yield DataTable[Text](id="package-table", cursor_type="row")
                with TabPane("Waste", id="waste"):
                    yield DataTable[Text](id="waste-table", cursor_type="row")
        yield Footer()

    def on_mount(self) -> None:
        """Fill what does not change, and choose the last layer."""
        layers = self.query_one("#layers", DataTable)
        layers.add_columns("#", "size", "pull", "made by")
        for number, layer in enumerate(self._explained.layers):
            layers.add_row(
                *_texts(number + 1, human_size(layer.size), human_size(layer.pull), instruction(layer.created_by))
            )
        layers.move_cursor(row=self._number)
        waste = self.query_one("#waste-table", DataTable)
        waste.add_columns("size", "files", "path", "how", "brought by", "taken by")
        for group in grouped(self._content.wasted)[:_MOST]:
            size, path = human_size(group.size), f"/{group.path}"
            waste.add_row(*_texts(size, group.files, path, group.how, group.made + 1, group.lost + 1))
        self._show_layer()
        self.query_one("#tree", Tree).focus()

    @on(DataTable.RowHighlighted, "#layers")
    def _choose_layer(self, event: DataTable.RowHighlighted) -> None:
        if event.cursor_row != self._number and event.cursor_row < len(self._explained.layers):
            self._number = event.cursor_row
            self._show_layer()

    def _show_layer(self) -> None:
        if not self._explained.layers:
            self.query_one("#details", Static).update(self._about(None))
            return
        self._root = browse(self._explained.layers, self._number, view=self._view)
        self._draw()

    def _about(self, layer: ExplainedLayer | None) -> Text:
        content, explained = self._content, self._explained
        share = 100.0 * (1 - content.wasted_size / content.content) if content.content else 100.0
        rows = [("image", explained.name), ("platform", explained.platform), ("user", explained.user or "root")]
        rows += [
            ("starts", " ".join((*explained.entrypoint, *explained.cmd))),
            ("size", f"{human_size(explained.size)}, {human_size(explained.pull)} to pull"),
            ("wasted", f"{human_size(content.wasted_size)}, {human_size(content.wasted_pull)} to pull"),
            ("efficiency", f"{share:.1f}%"),
        ]
        if layer is not None:
            rows += [
                ("", ""),
                ("layer", f"{self._number + 1} of {len(explained.layers)}: {self._view}"),
                ("digest", layer.digest),
                ("diff_id", layer.diff_id),
                ("files", str(len(layer.files))),
                ("size", f"{human_size(layer.size)}, {human_size(layer.pull)} to pull"),
                ("made by", layer.created_by),
            ]
        if self._hidden:
            rows.append(("hidden", ", ".join(sorted(self._hidden))))
        text = Text()
        for name, value in rows:
            text.append(f"{name:<11}", style="bold")
            text.append(f"{printable(value)}\n")
        return text

    def _draw(self) -> None:
        """Draw the layer anew as it is known: what is hidden, or how it is shown, has changed."""
        if self._root is None:
            return
        self.query_one("#details", Static).update(self._about(self._explained.layers[self._number]))
        self._shown = matching(self._root, text=self._text, hidden=self._hidden)
        tree: Tree[BrowsedFile] = self.query_one("#tree", Tree)
        tree.clear()
        tree.root.data = self._root
        tree.root.set_label(self._label(self._root))
        self._fill(tree.root)
        tree.root.expand()
        if self._expanded or self._text:
            self._expand_below(tree.root)

    def _fill(self, node: TreeNode[BrowsedFile]) -> None:
        """Draw what is in a directory, once, when it is opened: images have half a million files."""
        if node.data is None or node.children:
            return
        below = [one for one in node.data.children.values() if self._shown is None or one.path in self._shown]
        if self._by_size:
            below.sort(key=lambda one: (-one.size, one.name))
        else:
            below.sort(key=lambda one: (not one.is_directory, one.name))
        for one in below[:_MOST]:
            node.add(self._label(one), data=one, allow_expand=bool(one.children))
        if len(below) > _MOST:
            node.add_leaf(Text(f"… and {len(below) - _MOST} more: filter them with /", style="dim"))

    def _expand_below(self, root: TreeNode[BrowsedFile]) -> None:
        waiting, drawn = [root], 0
        while waiting and drawn < _MOST:
            node = waiting.pop()
            self._fill(node)
            node.expand()
            drawn += len(node.children)
            waiting.extend(child for child in node.children if child.allow_expand)

    @on(Tree.NodeExpanded, "#tree")
    def _opened(self, event: Tree.NodeExpanded[BrowsedFile]) -> None:
        self._fill(event.node)

    def _label(self, one: BrowsedFile) -> Text:
        # What is closed is to show that there is something in it.
        style = _STYLES[Change.CHANGED if one.change is Change.SAME and one.touched else one.change]
        # Where others have their triangle.
        text = Text("" if one.children else "  ")
        if self._attributes:
            file = one.file
            mode = stat.filemode(_KINDS.get(file.kind, stat.S_IFREG) | file.mode) if file is not None else ""
            owner = f"{file.uid}:{file.gid}" if file is not None else ""
            text.append(f"{mode:<10} {owner:>11} {human_size(one.size):>7}  ", style="dim")
        name = printable(one.name) or "/"
        text.append(f"{name}/" if one.is_directory and one.name else name, style=style)
        if one.file is not None and one.file.link:
            text.append(f" → {printable(one.file.link)}", style="dim")
        return text

    def action_next_view(self) -> None:
        """Show the layer over those below, alone, or with all that changed since the first one."""
        views = list(View)
        self._view = views[(views.index(self._view) + 1) % len(views)]
        self._show_layer()

    def action_toggle_order(self) -> None:
        """Put the largest first, or sort by name."""
        self._by_size = not self._by_size
        self._draw()

    def action_toggle_change(self, change: str) -> None:
        """Hide files of one sort, or show them again."""
        self._hidden ^= {Change(change)}
        self._draw()

    def action_toggle_attributes(self) -> None:
        """Show modes, owners and sizes, or names alone."""
        self._attributes = not self._attributes
        self._draw()

    def action_expand(self) -> None:
        """Open all directories, or close them."""
        self._expanded = not self._expanded
        self._draw()

    def action_filter(self) -> None:
        """Ask for a part of a path."""
        entry = self.query_one("#filter", Input)
        entry.add_class("shown")
        entry.focus()

    def action_clear(self) -> None:
        """Take the filter away."""
        entry = self.query_one("#filter", Input)
        entry.value = ""
        entry.remove_class("shown")
        self.query_one("#tree", Tree).focus()

    @on(Input.Changed, "#filter")
    def _filtered(self, event: Input.Changed) -> None:
        if event.value != self._text:
            self._text = event.value
            self._draw()

    @on(Input.Submitted, "#filter")
    def _entered(self) -> None:
        self.query_one("#tree", Tree).focus()

    def action_packages(self) -> None:
        """Look into the executable that the cursor is on."""
        node = self.query_one("#tree", Tree).cursor_node
        one = node.data if node is not None else None
        if one is None or one.is_directory:
            self.notify("Choose a file first.")
            return
        self.query_one("#right", TabbedContent).active = "packages"
        self.query_one("#program", Static).update(Text(f"looking into /{printable(one.path)} …"))
        self._look_into(one.path)

    @work(thread=True, exclusive=True)
    def _look_into(self, path: str) -> None:
        """Read an executable of the image; elsewhere, as that takes seconds for a large one."""
        found = self._content.tree.find(path)
        try:
            with tempfile.TemporaryDirectory(prefix="smidgen-explore-") as name:
                files = extract(self._image, [found] if found is not None else [], Path(name))
                binaries = [explain_file(file) for file in files.values()]
        except (SmidgenError, OSError) as error:
            self.call_from_thread(self._show_program, path, None, str(error))
            return
        why = "" if binaries else "no container sees it, as a later layer took it away"
        self.call_from_thread(self._show_program, path, binaries[0] if binaries else None, why)

    def _show_program(self, path: str, binary: ExplainedBinary | None, why: str) -> None:
        said = Text(f"/{printable(path)}", style="bold")
        table = self.query_one("#package-table", DataTable)
        table.clear(columns=True)
        if binary is None:
            said.append(f": {printable(why)}", style="red")
        else:
            version = binary.facts.go_version or "not Go"
            known = 100 * binary.attributed / binary.size if binary.size else 100
            said.append(f"  {version}, {human_size(binary.size)}, {known:.1f}% attributed", style="not bold")
            table.add_columns("size", "pull", "package")
            for name, size, pull in _packages(binary)[:_MOST]:
                table.add_row(*_texts(human_size(size), human_size(pull), name))
            table.focus()
        self.query_one("#program", Static).update(said)


def _packages(binary: ExplainedBinary) -> list[tuple[str, int, int]]:
    """Sum up what each owner has in all sections, the largest first."""
    sums: dict[str, tuple[int, int]] = {}
    for section in binary.sections:
        for package in section.packages:
            size, pull = sums.get(package.name, (0, 0))
            sums[package.name] = size + package.size, pull + package.pull
    return sorted(((name, *both) for name, both in sums.items()), key=lambda row: (-row[1], row[0]))


def _texts(*cells: object) -> list[Text]:
    return [Text(printable(str(cell)).strip(), justify="left", no_wrap=True) for cell in cells]
