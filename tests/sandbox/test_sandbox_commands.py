"""The command lines of ``run`` and ``prove``, and the report of a proof."""

from dataclasses import replace

import click
import pytest
from click.testing import CliRunner

from smidgen.cli.reference_command import ReferenceCommand
from smidgen.report.proof import failure_text, proof_report, render_proof
from smidgen.sandbox.missing import Finding
from smidgen.sandbox.prove import HttpCheck, Proof

PROOF = Proof(
    image="web:latest",
    digest="sha256:" + "0" * 64,
    platform="linux/amd64",
    failures=(),
    runtime="runc",
    user="65534:65534",
    writable=("/tmp",),
    started=True,
    http=HttpCheck(port=8080, path="/healthz"),
    status=200,
    first_answer=6.54321,
    set_up=50.0,
    resident=6_500_000,
    peak=7_000_000,
    ended=False,
    exit_code=0,
    stopped=3.2,
    findings=(
        Finding(kind="ca", summary="CA certificates: fail", remedy="--with ca", paths=("/etc/ssl/cert.pem",)),
        Finding(kind="harmless", summary="names", remedy="", paths=("/a", "/b", "/c", "/d")),
    ),
    untraced="",
    output="line\n" * 30,
    notes=("one id only",),
)


def plain(text: str, *_styles: str) -> str:
    return text


@click.command(cls=ReferenceCommand, context_settings={"allow_interspersed_args": False})
@click.argument("reference")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.option("-p", "--publish", multiple=True)
@click.option("-i", "--interactive", is_flag=True)
@click.option("-t", "--tty", is_flag=True)
def command(
    *, reference: str, arguments: tuple[str, ...], publish: tuple[str, ...], interactive: bool, tty: bool
) -> None:
    """Say what was understood."""
    click.echo(repr((reference, arguments, publish, interactive, tty)))


class TestOptionsAfterTheReference:
    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            ("REF", ("REF", (), (), False, False)),
            ("-p 1 REF", ("REF", (), ("1",), False, False)),
            ("REF -p 1", ("REF", (), ("1",), False, False)),
            ("REF -p1 --publish=2 -it", ("REF", (), ("1", "2"), True, True)),
            ("-p 1 REF -p 2 serve -p 3", ("REF", ("serve", "-p", "3"), ("1", "2"), False, False)),
            ("REF serve -i", ("REF", ("serve", "-i"), (), False, False)),
            ("REF -- -i", ("REF", ("-i",), (), False, False)),
            ("REF -i -- -- x", ("REF", ("--", "x"), (), True, False)),
            ("REF --unknown -i", ("REF", ("--unknown", "-i"), (), False, False)),
            ("REF -x -i", ("REF", ("-x", "-i"), (), False, False)),
            ("REF -ix", ("REF", ("-ix",), (), False, False)),
            ("REF -", ("REF", ("-",), (), False, False)),
            ("REF --help", ("REF", ("--help",), (), False, False)),
            ("-- REF -i", ("REF", ("-i",), (), False, False)),
        ],
    )
    def test_forms(self, words: str, expected: object) -> None:
        result = CliRunner().invoke(command, words.split())
        assert result.output.strip() == repr(expected)

    @pytest.mark.parametrize("words", ["", "-p", "--nope REF", "-p 1"])
    def test_what_is_wrong(self, words: str) -> None:
        assert CliRunner().invoke(command, words.split()).exit_code == 2


class TestProofReport:
    def test_for_people(self) -> None:
        text = render_proof(proof_report(PROOF), style=plain)
        assert text.splitlines()[0] == "web:latest  runs  linux/amd64, runc"
        for part in (
            "6.54 ms after its start; :8080/healthz gave 200",
            "6.5MB resident, 7MB at most",
            "root read-only but for /tmp",
            "note: one id only",
            "+ CA certificates: fail  --with ca",
            "- harmless: names: /a, /b, /c and 1 more",
        ):
            assert part in text, part

    def test_verbose_lists_every_path(self) -> None:
        assert "/c, /d" in render_proof(proof_report(PROOF), style=plain, verbose=True)

    def test_not_traced_is_never_an_empty_list(self) -> None:
        report = proof_report(replace(PROOF, findings=(), untraced="old kernel"))
        assert "files not traced: old kernel" in render_proof(report, style=plain)
        assert report.traced is False

    def test_a_failure_has_the_last_lines(self) -> None:
        failed = proof_report(replace(PROOF, failures=("it ended with exit code 3, expected 0",)))
        assert "does not run" in render_proof(failed, style=plain)
        text = failure_text(failed)
        assert text.startswith("web:latest does not run: it ended with exit code 3")
        assert text.count("  line") == 20

    def test_a_program_that_must_be_killed(self) -> None:
        report = proof_report(replace(PROOF, stopped=None, exit_code=None))
        assert "had to be killed" in render_proof(report, style=plain)
