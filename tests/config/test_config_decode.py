"""Kinds of values: each fault is shown in its line, with the closest key or what was expected."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smidgen.config.schema import Options, Target
from smidgen.errors import ConfigError
from support.config_files import block, config_of, fault


def refused(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        config_of(text)
    return fault(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "base: scratch\nprots: [8080]\n",
            """
            smidgen.yaml:2:1: unknown key 'prots'
              prots: [8080]
              ^
            hint: did you mean ports?
            """,
        ),
        (
            "targets:\n  - target: ./a\n    Envs: {}\n",
            """
            smidgen.yaml:3:5: unknown key 'Envs'
                  Envs: {}
                  ^
            hint: did you mean env?
            """,
        ),
        (
            "expose: 80\n",
            """
            smidgen.yaml:1:1: unknown key 'expose'
              expose: 80
              ^
            hint: did you mean ports?
            """,
        ),
        (
            "defaultBaseImage: x\n",
            """
            smidgen.yaml:1:1: unknown key 'defaultBaseImage'
              defaultBaseImage: x
              ^
            hint: did you mean base?
            """,
        ),
        (
            "needs:\n  wth: [ca]\n",
            """
            smidgen.yaml:2:3: unknown key 'wth'
                wth: [ca]
                ^
            hint: did you mean with?
            """,
        ),
        (
            "needs: {qqq: [ca]}\n",
            """
            smidgen.yaml:1:9: unknown key 'qqq'
              needs: {qqq: [ca]}
                      ^
            hint: the keys are with, without, zones, ca_bundles
            """,
        ),
        (
            "targets:\n- name: x\n",
            """
            smidgen.yaml:2:3: the key 'target' is missing
              - name: x
                ^
            hint: write target: VALUE
            """,
        ),
        (
            "healthcheck: {interval: 3s}\n",
            """
            smidgen.yaml:1:14: the key 'test' is missing
              healthcheck: {interval: 3s}
                           ^
            hint: write test: VALUE
            """,
        ),
        (
            "base: [scratch]\n",
            """
            smidgen.yaml:1:7: base: expected a string, got a list
              base: [scratch]
                    ^
            """,
        ),
        (
            "user:\nname: x\n",
            """
            smidgen.yaml:1:1: user: expected a string, got nothing
              user:
              ^
            hint: leave the key out, or write "" for an empty string
            """,
        ),
        (
            "env:\n",
            """
            smidgen.yaml:1:1: env: expected a mapping of names to strings, got nothing
              env:
              ^
            hint: leave the key out
            """,
        ),
        (
            "env: [A=b]\n",
            """
            smidgen.yaml:1:6: env: expected a mapping of names to strings, got a list
              env: [A=b]
                   ^
            hint: write NAME: VALUE lines, without dashes
            """,
        ),
        (
            "env:\n  A: x\n  B: [1]\n  C: {}\n",
            """
            smidgen.yaml:3:6: B: expected a string, got a list
                B: [1]
                   ^
            """,
        ),
        (
            "labels: {'a.b[...]': x, \"it's `$`\": ~}\n",
            """
            smidgen.yaml:1:25: it's `$`: expected a string, got nothing
              labels: {'a.b[...]': x, "it's `$`": ~}
                                      ^
            hint: leave the key out, or write "" for an empty string
            """,
        ),
        (
            "platforms: {linux: amd64}\n",
            """
            smidgen.yaml:1:12: platforms: expected a string or a list of strings, got a mapping
              platforms: {linux: amd64}
                         ^
            hint: put quotes around a string that has a colon and a space in it
            """,
        ),
        (
            "add:\n  - a: /b\n",
            """
            smidgen.yaml:2:5: add: expected a string, got a mapping
                - a: /b
                  ^
            hint: put quotes around a string that has a colon and a space in it
            """,
        ),
        (
            "kodata: yes\n",
            """
            smidgen.yaml:1:9: kodata: expected true or false, got 'yes'
              kodata: yes
                      ^
            hint: write true
            """,
        ),
        (
            "strip: Off\n",
            """
            smidgen.yaml:1:8: strip: expected true or false, got 'Off'
              strip: Off
                     ^
            hint: write false
            """,
        ),
        (
            "needs: {with: [ca, tls]}\n",
            """
            smidgen.yaml:1:20: with: expected one of ca, mime, passwd, resolver, tmp, tz, got 'tls'
              needs: {with: [ca, tls]}
                                 ^
            """,
        ),
        (
            "needs: {without: [passw]}\n",
            """
            smidgen.yaml:1:19: without: expected one of ca, mime, passwd, resolver, tmp, tz, got 'passw'
              needs: {without: [passw]}
                                ^
            hint: did you mean passwd?
            """,
        ),
        (
            "needs: {with: ca}\n",
            """
            smidgen.yaml:1:15: with: expected a list of any of ca, mime, passwd, resolver, tmp, tz, got 'ca'
              needs: {with: ca}
                            ^
            """,
        ),
        (
            "targets: {./a: {}}\n",
            """
            smidgen.yaml:1:10: targets: expected a list of mappings, got a mapping
              targets: {./a: {}}
                       ^
            """,
        ),
        (
            "targets: [./a]\n",
            """
            smidgen.yaml:1:11: targets: expected a mapping, got './a'
              targets: [./a]
                        ^
            """,
        ),
        (
            "targets:\n  - target: ./a\n    env: {X: {}}\n",
            """
            smidgen.yaml:3:14: X: expected a string, got a mapping
                  env: {X: {}}
                           ^
            """,
        ),
    ],
)
def test_the_fault_is_shown_in_its_line(text: str, expected: str) -> None:
    assert refused(text) == block(expected)


def test_a_key_that_is_like_no_other_gets_the_whole_list() -> None:
    assert refused("zzz: 1\n").endswith(
        f"hint: the keys are {', '.join([*Options.__struct_fields__, 'registries', 'budget', 'lint', 'targets'])}"
    )


@pytest.mark.parametrize("field", Options.__struct_fields__)
def test_every_key_refuses_a_list_of_lists(field: str) -> None:
    text = f"{field}: [[x]]\n"
    message = refused(text)
    assert message.startswith("smidgen.yaml:1:")
    assert f"{field}: expected " in message
    assert f"\n  {text}" in message


@pytest.mark.parametrize("field", Target.__struct_fields__)
def test_every_key_refuses_to_be_empty(field: str) -> None:
    message = refused(f"targets:\n- {field}:\n")
    assert message.startswith(f"smidgen.yaml:2:3: {field}: expected ") or "the key 'target' is missing" in message


def _lists(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(inner).map(lambda items: f"[{', '.join(items)}]")


def _mappings(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    keys = st.sampled_from(["a", "with", "target", "name", "env", "'$.x[...]'", "zones"])
    pairs = st.dictionaries(keys, inner).map(lambda found: [f"{key}: {value}" for key, value in found.items()])
    return pairs.map(lambda found: f"{{{', '.join(found)}}}")


_TREES = st.recursive(
    st.sampled_from(["x", "true", "1", "~", "''"]), lambda inner: _lists(inner) | _mappings(inner), max_leaves=12
)


@settings(deadline=None)
@given(_TREES, st.sampled_from(["env", "ports", "needs", "targets", "healthcheck", "cmd", "kodata"]))
def test_any_tree_is_a_file_or_an_error_with_a_place(tree: str, key: str) -> None:
    try:
        config = config_of(f"{key}: {tree}\n")
    except ConfigError as error:
        place = (error.line, error.column)
    else:
        place = (1, len(config.document.lines))
    assert all(place)
