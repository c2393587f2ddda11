"""A small Go project that changes at random in every way that could matter to a build, and in many that do not."""

import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from smidgen.gobuild.options import BuildOptions

MAIN = """package main

import (
	"dep.test/dep"
	"m.test/app/assets"
	"m.test/app/lib"
)

var stamp = "none"

func main() {
	println(%d, stamp, lib.Name(), dep.Name(), assets.One, len(assets.Names()))
}
"""

ASSETS = """package assets

import "embed"

//go:embed one.txt
var One string

//go:embed pages/*.html tree
//go:embed "all:hidden"
var files embed.FS

func Names() []string {
	entries, _ := files.ReadDir(".")
	names := []string{}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}
"""


@dataclass(slots=True)
class World:
    """The project, the way it is asked for, and a source of chance.

    Attributes:
        is_neutral: What :meth:`change` did last can make no difference to a build.
        is_broken: Go refuses it as it is: to be said by the test, and often mended by the next change.
    """

    root: Path
    chance: random.Random
    environ: dict[str, str]
    options: BuildOptions = field(default_factory=BuildOptions)
    targets: tuple[str, ...] = (".",)
    is_neutral: bool = False
    is_broken: bool = False
    number: int = 0

    @property
    def app(self) -> Path:
        return self.root / "app"

    @property
    def has_git_inside(self) -> bool:
        """The state of the repository gets into the program: stamped by Go, or by a template."""
        values = "".join(value for _, value in self.options.variables)
        return "-buildvcs=false" not in self.environ["GOFLAGS"] or ".Git" in values

    def create(self) -> None:
        self.write(
            "app/go.mod", "module m.test/app\n\ngo 1.21\n\nrequire dep.test v1.0.0\n\nreplace dep.test => ../dep\n"
        )
        self.write("app/main.go", MAIN % 0)
        self.write("app/lib/lib.go", "package lib\n\nfunc Name() string { return name }\n")
        self.write("app/lib/plain.go", '//go:build !special\n\npackage lib\n\nconst name = "plain"\n')
        self.write("app/lib/special.go", '//go:build special\n\npackage lib\n\nconst name = "special"\n')
        self.write("app/lib/lib_windows.go", "package lib\n\nfunc init() { println(1) }\n")
        self.write("app/assets/assets.go", ASSETS)
        for name in ("one.txt", "pages/a.html", "tree/b.txt", "tree/deep/c.txt", "hidden/.d"):
            self.write(f"app/assets/{name}", name)
        self.write("app/other/other.go", "package other\n")
        self.write("app/cmd/extra/main.go", "package main\n\nfunc main() { println(0) }\n")
        self.write("dep/go.mod", "module dep.test\n\ngo 1.21\n")
        self.write("dep/dep/dep.go", 'package dep\n\nfunc Name() string { return "dep 0" }\n')
        self.write("goenv", "")
        self.git("init", "-q", "-b", "main", ".")
        self.commit()

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def git(self, *arguments: str) -> None:
        identity = ("-c", "user.name=n", "-c", "user.email=e@example.com")
        subprocess.run(["git", *identity, *arguments], cwd=self.root, check=True, capture_output=True)

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "x")

    def next(self) -> int:
        self.number += 1
        return self.number

    def change(self) -> str:
        """Change something; gives its name."""
        self.is_neutral = False
        if self.is_broken and self.chance.random() < 0.5:
            _repair(self)
            return "repair"
        name, action = self.chance.choice(NEUTRAL if self.chance.random() < 0.35 else CHANGES)
        action(self)
        return name

    def some_file(self, suffix: str = "") -> Path:
        paths = [path for path in self.root.rglob("*" + suffix) if path.is_file() and ".git" not in path.parts]
        return self.chance.choice(sorted(paths))


def _edit_main(world: World) -> None:
    # Of one size, so that only times and content tell.
    world.write("app/main.go", MAIN % (10 + world.next() % 90))


def _edit_library(world: World) -> None:
    world.write("app/lib/plain.go", f'//go:build !special\n\npackage lib\n\nconst name = "p{world.next():04}"\n')


def _edit_other_platform(world: World) -> None:
    world.write("app/lib/lib_windows.go", f"package lib\n\nfunc init() {{ println({world.next()}) }}\n")


def _add_source(world: World) -> None:
    directory = world.chance.choice(["app", "app/lib", "app/assets", "dep/dep"])
    package = {"app": "main", "app/lib": "lib", "app/assets": "assets", "dep/dep": "dep"}[directory]
    number = world.next()
    name = world.chance.choice([f"z{number}.go", f"z{number}_linux.go", f"z{number}_plan9.go"])
    world.write(f"{directory}/{name}", f"package {package}\n\nfunc init() {{ println({number}) }}\n")


def _delete_added(world: World) -> None:
    added = sorted(world.root.rglob("z*.go"))
    if added:
        world.chance.choice(added).unlink()


def _rename_added(world: World) -> None:
    added = sorted(world.root.rglob("z*.go"))
    if added:
        path = world.chance.choice(added)
        path.rename(path.with_name(world.chance.choice([f"z{world.next()}.go", f"z{world.next()}_test.go", "_z.go"])))


def _swap_contents(world: World) -> None:
    added = sorted(world.app.rglob("z*.go"))
    if len(added) > 1:
        first, second = world.chance.sample(added, 2)
        if first.parent == second.parent:
            first.rename(first.with_suffix(".tmp"))
            second.rename(first)
            first.with_suffix(".tmp").rename(second)


def _test_header(world: World) -> None:
    package = world.chance.choice(["package lib", "package lib_test", "package other", "pack"])
    world.write("app/lib/lib_test.go", f"// {world.next()}\n{package}\n\nfunc f() {{}}\n")


def _break(world: World) -> None:
    world.write(f"app/lib/z{world.next()}.go", "package lib\n\nfunc init() { undefined() }\n")


def _embedded_edit(world: World) -> None:
    name = world.chance.choice(["one.txt", "pages/a.html", "tree/b.txt", "tree/deep/c.txt", "hidden/.d"])
    world.write(f"app/assets/{name}", f"{world.next():06}")


def _embedded_add(world: World) -> None:
    number = world.next()
    name = world.chance.choice(
        [f"pages/n{number}.html", f"tree/deep/n{number}", f"tree/new{number}/x", f"hidden/_n{number}"]
    )
    world.write(f"app/assets/{name}", f"{number}")


def _embedded_remove(world: World) -> None:
    names = sorted(
        path for path in (world.app / "assets").rglob("*") if path.name.startswith(("n", "_n")) and path.is_file()
    )
    if names:
        world.chance.choice(names).unlink()


def _embedded_link(world: World) -> None:
    path = world.app / "assets/tree/b.txt"
    if path.is_symlink():
        text = path.read_text()
        path.unlink()
        path.write_text(text)
    else:
        # What a directory embeds passes over links, so this takes the file out.
        path.rename(world.app / "assets/b.target")
        path.symlink_to("../b.target")


def _module_release(world: World) -> None:
    path = world.app / "go.mod"
    text = path.read_text()
    path.write_text(text.replace("go 1.21", "go 1.22") if "go 1.21" in text else text.replace("go 1.22", "go 1.21"))


def _module_comment(world: World) -> None:
    with (world.app / "go.mod").open("a") as file:
        file.write(f"// {world.next()}\n")


def _dependency(world: World) -> None:
    world.write("dep/dep/dep.go", f'package dep\n\nfunc Name() string {{ return "dep {world.next()}" }}\n')


def _work_file(world: World) -> None:
    path = world.root / "go.work"
    if path.exists():
        path.unlink()
    else:
        path.write_text("go 1.22\n\nuse (\n\t./app\n\t./dep2\n)\n")
        world.write("dep2/go.mod", "module dep.test\n\ngo 1.21\n")
        world.write("dep2/dep/dep.go", 'package dep\n\nfunc Name() string { return "from the workspace" }\n')


def _vendor(world: World) -> None:
    path = world.app / "vendor"
    if path.exists():
        shutil.rmtree(path)
    else:
        world.write("app/vendor/dep.test/dep/dep.go", 'package dep\n\nfunc Name() string { return "vendored" }\n')
        modules = "# dep.test v1.0.0 => ../dep\n## explicit; go 1.21\ndep.test/dep\n# dep.test => ../dep\n"
        world.write("app/vendor/modules.txt", modules)


def _inner_module(world: World) -> None:
    path = world.app / "lib/go.mod"
    if path.exists():
        path.unlink()
    else:
        path.write_text("module m.test/app/lib\n")


def _shadow(world: World) -> None:
    """Make a directory in which a package of another module would be found as well."""
    path = world.root / "dep/dep/inner"
    if path.exists():
        shutil.rmtree(path)
    else:
        world.write("dep/dep/inner/inner.go", "package inner\n")


def _tags(world: World) -> None:
    world.options = replace(world.options, tags=() if world.options.tags else ("special",))


def _stamp(world: World) -> None:
    text = world.chance.choice(
        ["a", "b", "{{.Git.ShortCommit}}", "{{.Env.STAMP}}", "{{.GoEnv.GOARCH}}", "{{.Git.TreeState}}"]
    )
    world.options = replace(world.options, variables=(("main.stamp", text),))


def _stamp_value(world: World) -> None:
    world.environ["STAMP"] = world.chance.choice("xyz")


def _strip(world: World) -> None:
    world.options = replace(world.options, strip=not world.options.strip)


def _goflags(world: World) -> None:
    world.environ["GOFLAGS"] = world.chance.choice(
        ["-buildvcs=false", "-buildvcs=true", "", "-tags=special", "'-ldflags=-X main.stamp=inherited'", "-mod=mod"]
    )


def _variable(world: World) -> None:
    name, value = world.chance.choice(
        [
            *(("GOAMD64", "v2"), ("GOAMD64", "v1"), ("GOWORK", "off"), ("GOWORK", ""), ("GOPRIVATE", "x")),
            *(("GODEBUG", "x=y"), ("GOEXPERIMENT", "nodwarf5"), ("GOEXPERIMENT", "")),
        ]
    )
    world.environ[name] = value


def _settings_file(world: World) -> None:
    world.write("goenv", world.chance.choice(["", "GOAMD64=v3\n", "GOWORK=off\n", "GOFLAGS=-tags=special\n"]))


def _targets(world: World) -> None:
    world.targets = world.chance.choice([(".",), ("./...",), (".", "./cmd/extra"), ("m.test/app",), ("./cmd/...",)])


def _command(world: World) -> None:
    number = world.next()
    package = world.chance.choice(["main", "main", "other"])
    world.write(f"app/cmd/c{number % 3}/main.go", f"package {package}\n\nfunc main() {{ println({number}) }}\n")


def _command_gone(world: World) -> None:
    shutil.rmtree(world.app / f"cmd/c{world.chance.randrange(3)}", ignore_errors=True)


def _commit(world: World) -> None:
    world.commit()


def _git_tag(world: World) -> None:
    world.git("tag", f"app/v1.{world.next()}.0")


def _unknown_file(world: World) -> None:
    world.write(f"notes{world.next()}.txt", "dirty")


def _repair(world: World) -> None:
    """Take away what breaks builds, so that the walk does not end in errors only."""
    for path in world.root.rglob("z*.go"):
        path.unlink()
    for name in ("app/vendor", "app/lib/go.mod", "go.work"):
        path = world.root / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    world.write("app/assets/hidden/.d", "d")
    world.write("app/lib/lib_test.go", "package lib\n\nfunc f() {}\n")
    world.environ["GOFLAGS"] = "-buildvcs=false"
    world.environ["GOWORK"] = world.environ["GOEXPERIMENT"] = ""


def _touch(world: World) -> None:
    world.is_neutral = True
    os.utime(world.some_file())


def _touch_into_the_past(world: World) -> None:
    world.is_neutral = True
    os.utime(world.some_file(".go"), ns=(1_500_000_000_000_000_000, 1_500_000_000_000_000_000))


def _write_again(world: World) -> None:
    world.is_neutral = True
    path = world.some_file(".go")
    if not path.is_symlink():
        text = path.read_text()
        path.unlink()
        path.write_text(text)


def _mode(world: World) -> None:
    world.is_neutral = not world.has_git_inside
    path = world.some_file(".go")
    path.chmod(path.stat().st_mode ^ 0o011)


def _unrelated(world: World) -> None:
    # A repository with a new file is another state of it, where that is stamped.
    world.is_neutral = not world.has_git_inside
    number = world.next() % 5
    name = world.chance.choice(["README.md", f".x{number}.go", f"lib/_x{number}.go", "lib/notes.txt"])
    world.write(f"app/{name}", f"package x{world.next()}\n")


def _test_body(world: World) -> None:
    path = world.app / "lib/lib_test.go"
    had_header = path.exists() and path.read_text().startswith("package lib\n\nfunc")
    world.is_neutral = had_header and not world.has_git_inside
    world.write("app/lib/lib_test.go", f"package lib\n\nfunc f{world.next()}() {{ not Go }}\n")


def _nothing(world: World) -> None:
    world.is_neutral = True


_SOURCE = [_edit_main, _edit_library, _edit_other_platform, _add_source, _delete_added, _rename_added, _swap_contents]
_SOURCE += [_break, _test_header, _dependency, _command, _command_gone, _shadow]
_EMBED = [_embedded_edit, _embedded_add, _embedded_remove, _embedded_link]
_MODULES = [_module_release, _module_comment, _work_file, _vendor, _inner_module]
_ASKED = [_tags, _stamp, _stamp_value, _strip, _goflags, _variable, _settings_file, _targets]
_GIT = [_commit, _git_tag, _unknown_file]
_NEUTRAL = [_touch, _touch_into_the_past, _write_again, _mode, _unrelated, _test_body, _nothing]

_Named = list[tuple[str, Callable[[World], None]]]


def _named(actions: Iterable[Callable[[World], None]]) -> _Named:
    return [(action.__name__.strip("_").replace("_", " "), action) for action in actions]


CHANGES: _Named = _named([*_SOURCE, *_EMBED, *_MODULES, *_ASKED, *_GIT, _repair])
NEUTRAL: _Named = _named(_NEUTRAL)
