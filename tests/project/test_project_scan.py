"""What is read out of Go sources."""

from pathlib import Path

import pytest

from smidgen.project.scan import Place, Scanned, scan, without_comments


def _scan(tmp_path: Path, code: str) -> Scanned:
    source = tmp_path / "main.go"
    source.write_text(code)
    return scan([source], tmp_path)


@pytest.mark.parametrize(
    ("line", "port"),
    [
        ('http.ListenAndServe(":8080", nil)', 8080),
        ('srv := &http.Server{Addr: "0.0.0.0:9090"}', 9090),
        ('net.Listen("tcp", "[::]:50051")', 50051),
        ('flag.String("addr", ":3000", "where")', 3000),
        ('port := "8081"', 8081),
        ('p := getEnv("HTTP_PORT", "7070")', 7070),
        ('flag.IntVar(&p, "port", 6060, "")', 6060),
    ],
)
def test_ports(tmp_path: Path, line: str, port: int) -> None:
    assert _scan(tmp_path, f"package main\n\n{line}\n").ports == {port: Place("main.go", 3)}


@pytest.mark.parametrize(
    "line",
    [
        '// http.ListenAndServe(":8080", nil)',
        '/* \n ":8080" */',
        'sql.Open("postgres", "postgres://db:5432/app")',
        'x := ":99999"',
        'fmt.Sprintf("%s:8080", host)',
        'u := "http://:8080"',
        'net.Dial("tcp", "localhost:6379")',
    ],
)
def test_what_is_no_port(tmp_path: Path, line: str) -> None:
    found = _scan(tmp_path, line)
    assert (found.ports, found.loopback) == ({}, {})


def test_the_loopback(tmp_path: Path) -> None:
    found = _scan(tmp_path, 'http.ListenAndServe("127.0.0.1:8080", nil)\nnet.Listen("tcp", "localhost:81")')
    assert found.ports == {}
    assert list(found.loopback) == [81, 8080]


def test_comments_and_texts() -> None:
    code = 'a := "// no" // yes\nb := `/* no */` /* yes\n */ + \'"\' + "c"'
    assert without_comments(code) == 'a := "// no" \nb := `/* no */` \n + \'"\' + "c"'


def test_health(tmp_path: Path) -> None:
    found = _scan(
        tmp_path, 'mux.HandleFunc("GET /ready", r)\nmux.HandleFunc("/healthz", h)\nb := flag.Bool("health", false, "")'
    )
    assert (found.health, found.self_check) == ("/healthz", ("-health",))
    assert _scan(tmp_path, 'if len(os.Args) > 1 && os.Args[1] == "healthcheck" {').self_check == ("healthcheck",)


def test_variables_and_files(tmp_path: Path) -> None:
    found = _scan(
        tmp_path,
        'os.Getenv("DATABASE_URL")\nv, ok := os.LookupEnv("TOKEN")\n'
        'template.ParseGlob("templates/*.html")\nhttp.Dir("./static")\nos.Open("/etc/passwd")\nos.ReadFile("../x")\n',
    )
    assert list(found.variables) == ["DATABASE_URL", "TOKEN"]
    assert list(found.files) == ["static", "templates"]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    large = tmp_path / "large.go"
    large.write_bytes(b'x := ":8080"' + b" " * (1 << 20))
    broken = tmp_path / "broken.go"
    broken.write_bytes(b'\xff\xfe x := ":8081" "')
    assert list(scan([large, broken, tmp_path / "gone.go"], tmp_path).ports) == [8081]
