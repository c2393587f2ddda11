"""``smidgen init`` on projects, and builds of what it writes."""

from pathlib import Path

import pytest

from smidgen.oci.reference import Reference
from smidgen.store.content import ContentStore
from support import stand_ins
from support.command import Smidgen
from support.examples import Examples
from support.serving import fetch, free_port

pytestmark = pytest.mark.e2e

_WEB = """package main

import (
	"crypto/tls"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"os"
	"time"
)

//go:embed keys/public.pem
var keys embed.FS

func main() {
	page := template.Must(template.ParseGlob("templates/*.html"))
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	key, _ := keys.ReadFile("keys/public.pem")
	http.HandleFunc("/healthz", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "ok") })
	said := time.Unix(0, 0).In(zone).Format("15:04") + string(key)
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { page.Execute(w, said) })
	if host := os.Getenv("UPSTREAM"); host != "" {
		tls.Dial("tcp", host, nil)
	}
	http.ListenAndServe(":8080", nil)
}
"""
_PROJECT = {
    "go.mod": "module example.com/shop\n\ngo 1.21\n",
    "cmd/web/main.go": _WEB,
    "cmd/web/keys/public.pem": " and a key",
    "cmd/worker/main.go": 'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println("worked") }\n',
    "templates/page.html": "it is {{.}}\n",
    ".env": "DB_PASSWORD=x\n",
}


@pytest.fixture
def smidgen(tmp_path: Path) -> Smidgen:
    return Smidgen(store=tmp_path / "store", cwd=tmp_path / "shop")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return _write(tmp_path / "shop", _PROJECT)


def _write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def _page(smidgen: Smidgen, image: str) -> str:
    port = free_port()
    with smidgen.running("run", "-p", f"127.0.0.1:{port}:8080", image):
        return fetch(port, "/")


def test_what_it_writes_is_built_and_runs(smidgen: Smidgen, shop: Path) -> None:
    first = smidgen("init")
    assert first.lines == ["smidgen.yaml"]
    line = 1 + _WEB[: _WEB.index('":8080"')].count("\n")
    assert f"cmd/web/main.go:{line}" in first.stderr
    smidgen("build", "./cmd/web")
    smidgen("build", "./cmd/worker")
    assert _page(smidgen, "web") == "it is 01:00 and a key\n"
    assert smidgen("run", "worker").stdout == "worked\n"
    # The probe asks what smidgen.yaml says.
    assert ":8080/healthz gave 200" in smidgen("prove", "web").stdout
    again = smidgen("init")
    assert again.lines == []
    assert "smidgen.yaml is as it was" in again.stderr


def test_the_dockerfile_is_built_and_runs(smidgen: Smidgen, shop: Path) -> None:
    smidgen("init", "--dockerfile", "--compose", "--ci", "github")
    golang = next(line for line in (shop / "Dockerfile").read_text().splitlines() if "golang:" in line).split()[2]
    store = ContentStore.open(smidgen.store)
    stand_ins.share(["golang:1.23"], store)
    store.tag(Reference.parse(golang), store.resolve(Reference.parse("golang:1.23")))
    smidgen("build", "--network", "none", "-f", "Dockerfile", "--target", "web", "-t", "web", ".")
    assert _page(smidgen, "web") == "it is 01:00 and a key\n"
    files = smidgen("ls", "-R", "web").stdout
    assert "etc/ssl/certs/ca-certificates.crt" in files
    smidgen("build", "--compose", "compose.yaml", "-p", "shop", env={"DB_PASSWORD": "x"})


def test_json(smidgen: Smidgen, shop: Path) -> None:
    report = smidgen("init", "--json", "--ci", "gitlab").json
    assert report["schema"] == "smidgen.init/v1"
    assert report["written"] == ["smidgen.yaml", ".gitlab-ci.yml"]
    web, worker = report["programs"]
    assert (web["ports"], web["health"], web["embedded"], web["files"]) == (
        [8080],
        "http://:8080/healthz",
        1,
        ["templates"],
    )
    assert web["needs"] == ["ca", "tz"]
    assert (worker["base"], worker["health"]) == ("scratch", "")


def test_nothing_is_overwritten(smidgen: Smidgen, shop: Path) -> None:
    (shop / "smidgen.yaml").write_text("ports: [1]\n")
    failed = smidgen("init", fails=True)
    assert failed.exit_code == 2
    assert "smidgen.yaml is there already" in failed.stderr
    smidgen("init", "--ci", "github")
    assert (shop / "smidgen.yaml").read_text() == "ports: [1]\n"
    smidgen("init", "--force")
    assert "8080" in (shop / "smidgen.yaml").read_text()


def test_a_driver_in_c(smidgen: Smidgen, tmp_path: Path) -> None:
    main = 'package main\n\nimport "github.com/mattn/go-sqlite3"\n\nfunc main() { println(sqlite3.One()) }\n'
    sqlite = 'package sqlite3\n\n// int one(void) { return 1; }\nimport "C"\n\nfunc One() int { return int(C.one()) }'
    _write(
        tmp_path / "shop",
        {
            "go.mod": "module example.com/app\n\ngo 1.21\n\nrequire github.com/mattn/go-sqlite3 v1.0.0\n\n"
            "replace github.com/mattn/go-sqlite3 => ./sqlite\n",
            "main.go": main,
            "sqlite/go.mod": "module github.com/mattn/go-sqlite3\n\ngo 1.21\n",
            "sqlite/sqlite.go": sqlite,
        },
    )
    report = smidgen("init", "--json").json
    (program,) = report["programs"]
    assert (program["base"], program["drivers"][0]["library"]) == ("libc", "c")
    text = (tmp_path / "shop/smidgen.yaml").read_text()
    assert "base: gcr.io/distroless/base-debian12:nonroot" in text
    assert 'build_env: {CGO_ENABLED: "1"}' in text


def test_examples(smidgen: Smidgen, example: Examples) -> None:
    for name in ("https-client", "zones"):
        directory = example(name)
        smidgen("init", directory)
        smidgen("build", directory)


@pytest.fixture
def example(tmp_path: Path) -> Examples:
    (tmp_path / "shop").mkdir(exist_ok=True)
    return Examples(tmp_path / "examples")


class TestWhatIsNoProject:
    def test_no_module(self, smidgen: Smidgen, tmp_path: Path) -> None:
        (tmp_path / "shop").mkdir()
        failed = smidgen("init", fails=True)
        assert "there is no go.mod" in failed.stderr
        assert failed.exit_code == 2

    def test_no_program(self, smidgen: Smidgen, tmp_path: Path) -> None:
        _write(tmp_path / "shop", {"go.mod": "module example.com/x\n", "x.go": "package x\n"})
        assert "no main package" in smidgen("init", fails=True).stderr

    def test_what_go_refuses(self, smidgen: Smidgen, tmp_path: Path) -> None:
        shop = _write(
            tmp_path / "shop", {"go.mod": "module example.com/x\n", "x.go": "package main\nfunc main() { x }\n"}
        )
        failed = smidgen("init", fails=True)
        assert "undefined: x" in failed.stderr
        assert sorted(path.name for path in shop.iterdir()) == ["go.mod", "x.go"]

    def test_a_module_that_is_missing(self, smidgen: Smidgen, tmp_path: Path) -> None:
        code = 'package main\n\nimport "example.com/nothing"\n\nfunc main() { nothing.Do() }\n'
        _write(tmp_path / "shop", {"go.mod": "module example.com/x\n", "x.go": code})
        failed = smidgen("init", fails=True, env={"GOFLAGS": "-mod=mod", "GOPROXY": "off"})
        assert "example.com/nothing" in failed.stderr
        assert "Traceback" not in failed.stderr


def test_a_vendor_directory_is_not_downloaded(smidgen: Smidgen, shop: Path) -> None:
    (shop / "vendor").mkdir()
    (shop / "go.sum").write_text("")
    smidgen("init", "--dockerfile", env={"GOFLAGS": "-mod=mod"})
    assert "go mod download" not in (shop / "Dockerfile").read_text()
