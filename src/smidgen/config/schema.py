"""The shape of ``smidgen.yaml``.

Every option can stand at the top, for all targets, and in an entry of ``targets``, for those that it matches. UNSET
tells what is not there from what is empty. What texts mean is checked in ``resolve``; here are keys and kinds only.
"""

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

SCHEMA_ID: Final = "urn:smidgen:schema:smidgen.yaml"
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

# A scalar stays the text that was written, whatever YAML would make of it, so editors are told to accept other kinds
# without quotes. msgspec would not let "type" be overridden; ``_widened`` does it.
_WIDER: Final = "x-wider"
_Scalar = Annotated[str, Meta(extra_json_schema={_WIDER: ["string", "number", "boolean"]})]
_Number = Annotated[str, Meta(extra_json_schema={_WIDER: ["string", "integer"]})]
_Map = dict[str, _Scalar]
_Need = Literal["ca", "tz", "passwd", "tmp", "resolver", "mime"]


class Needs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"with_": "with"}):
    """What the binary needs at run time, beyond what is read from the binary itself."""

    with_: Annotated[
        list[_Need] | UnsetType,
        Meta(
            description="Put these in even if the binary does not show that it needs them: ca (certificates), tz "
            "(time zones), passwd (user and group names), tmp (/tmp), resolver (nsswitch.conf, hosts), mime "
            "(types of files).",
            examples=[["ca", "tz"]],
        ),
    ] = UNSET
    without: Annotated[
        list[_Need] | UnsetType,
        Meta(description="Leave these out even if the binary shows that it needs them.", examples=[["tmp"]]),
    ] = UNSET
    zones: Annotated[
        str | list[str] | UnsetType,
        Meta(
            description="The only time zones to put in; without it all of them, if any are needed.",
            examples=[["Europe/Berlin", "America/New_York"]],
        ),
    ] = UNSET
    ca_bundles: Annotated[
        str | list[str] | UnsetType,
        Meta(
            description="PEM files of certificates to add to the public ones. Relative to this file.",
            examples=[["corp.pem"]],
        ),
    ] = UNSET


class Healthcheck(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an engine asks whether the container is well. Docker and podman use it, Kubernetes does not."""

    test: Annotated[
        str | list[_Scalar],
        Meta(
            description="An address that smidgen's probe asks: http://:PORT/PATH, tcp://:PORT, "
            "grpc://:PORT[/SERVICE]. Or [CMD, PROGRAM, ARGUMENT...], or one text that is split into words (there is "
            "no shell), or NONE to take away the check that is set above.",
            examples=["http://:8080/healthz", ["CMD", "/app", "-health"]],
        ),
    ]
    interval: Annotated[str | UnsetType, Meta(description="Time between checks.", examples=["30s"])] = UNSET
    timeout: Annotated[str | UnsetType, Meta(description="How long a check may take.", examples=["5s"])] = UNSET
    start_period: Annotated[
        str | UnsetType, Meta(description="Time to start, in which failures do not count.", examples=["10s"])
    ] = UNSET
    start_interval: Annotated[
        str | UnsetType, Meta(description="Time between checks while starting.", examples=["1s"])
    ] = UNSET
    retries: Annotated[
        _Number | UnsetType, Meta(description="Failures in a row that make the container unhealthy.", examples=[3])
    ] = UNSET


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be said for all targets, and for one."""

    repository: Annotated[
        str | UnsetType,
        Meta(
            description="What names of images begin with: a registry, a path, or both. An image is named "
            "REPOSITORY/NAME:TAG in the store.",
            examples=["ghcr.io/me"],
        ),
    ] = UNSET
    name: Annotated[
        str | UnsetType,
        Meta(
            description="Last part of the image's name; without it the last element of the import path.",
            examples=["app"],
        ),
    ] = UNSET
    tags: Annotated[
        _Scalar | list[_Scalar] | UnsetType,
        Meta(
            description="Tags of the image; may hold template parameters. Go's build tags are build_tags.",
            examples=[["{{.Git.Tag}}", "latest"]],
        ),
    ] = UNSET
    platforms: Annotated[
        str | list[str] | UnsetType,
        Meta(
            description="What to build for, OS/ARCHITECTURE[/VARIANT], or all. Without it linux on the architecture of "
            "this machine. Several give one image for all.",
            examples=[["linux/amd64", "linux/arm64"], "all"],
        ),
    ] = UNSET
    base: Annotated[
        str | UnsetType,
        Meta(
            description="What the image stands on: scratch (the empty image), static (built in: certificates, zones, "
            "users), an image of a registry, store:NAME, or oci:DIR[:TAG].",
            examples=["scratch", "static", "gcr.io/distroless/static-debian12:nonroot"],
        ),
    ] = UNSET
    user: Annotated[
        _Number | UnsetType,
        Meta(
            description="Who the program runs as: UID, UID:GID, NAME or NAME:UID:GID. A name is written to the image's "
            "passwd. A UID alone is also the group.",
            examples=["65534:65534", "app:1000:1000"],
        ),
    ] = UNSET
    entrypoint: Annotated[
        str | list[_Scalar] | UnsetType,
        Meta(description="What is started, instead of the binary. One text is split into words; there is no shell."),
    ] = UNSET
    cmd: Annotated[
        _Scalar | list[_Scalar] | UnsetType,
        Meta(
            description="Arguments that the program gets when none are given to the container.",
            examples=[["-listen", ":8080"]],
        ),
    ] = UNSET
    env: Annotated[_Map | UnsetType, Meta(description="Environment of the container.", examples=[{"LOG": "info"}])] = (
        UNSET
    )
    ports: Annotated[
        _Scalar | list[_Scalar] | UnsetType,
        Meta(
            description="What the program listens on: PORT[/tcp|udp|sctp], or FIRST-LAST. It publishes nothing.",
            examples=[[8080, "53/udp"]],
        ),
    ] = UNSET
    workdir: Annotated[
        str | UnsetType, Meta(description="Directory that the program starts in.", examples=["/data"])
    ] = UNSET
    volumes: Annotated[
        str | list[str] | UnsetType,
        Meta(description="Directories whose contents are to outlive a container.", examples=[["/data"]]),
    ] = UNSET
    stop_signal: Annotated[
        _Number | UnsetType,
        Meta(description="Signal that asks the program to stop; engines send SIGTERM.", examples=["SIGINT"]),
    ] = UNSET
    healthcheck: Annotated[
        Healthcheck | str | UnsetType,
        Meta(
            description="How an engine asks whether the container is well; a text alone is as --healthcheck takes it.",
            examples=["http://:8080/healthz"],
        ),
    ] = UNSET
    linux_capabilities: Annotated[
        _Scalar | list[_Scalar] | UnsetType,
        Meta(
            description="Capabilities of the program's file, for an ordinary user too: names, or clauses of "
            "cap_from_text(3) such as net_raw,net_admin=ep. One text is split at spaces.",
            examples=["cap_net_bind_service"],
        ),
    ] = UNSET
    labels: Annotated[
        _Map | UnsetType,
        Meta(description="Labels of the image's configuration, as docker inspect shows them."),
    ] = UNSET
    annotations: Annotated[
        _Map | UnsetType,
        Meta(
            description="Annotations of the manifest. Some of org.opencontainers.image.* are taken "
            "from git without them.",
            examples=[{"org.opencontainers.image.licenses": "Apache-2.0"}],
        ),
    ] = UNSET
    add: Annotated[
        str | list[str] | UnsetType,
        Meta(
            description="Files to put in: SRC:DST[:MODE[:UID:GID]]. SRC is a path or a glob below this file's "
            "directory; DST is absolute, and a directory if it ends with a slash. What libraries among them need "
            "goes in, too, beside a dynamic program.",
            examples=[["static/*:/srv/www/:0644"]],
        ),
    ] = UNSET
    kodata: Annotated[
        bool | UnsetType,
        Meta(description="Whether a kodata directory beside the main package goes to the image, as ko does it."),
    ] = UNSET
    single_layer: Annotated[
        bool | UnsetType,
        Meta(description="Put all files into one layer, rather than one for each rate of change."),
    ] = UNSET
    compression: Annotated[
        str | UnsetType,
        Meta(description="Of the layers: gzip, zstd or none, perhaps with a level.", examples=["gzip:9", "zstd:19"]),
    ] = UNSET
    needs: Annotated[
        Needs | UnsetType, Meta(description="What the binary needs at run time, beyond what is read from the binary.")
    ] = UNSET
    build: Annotated[
        str | list[str] | UnsetType,
        Meta(
            description="How the program is made where it is not Go: a script for sh, or its lines, which runs in a "
            "copy of the target's directory with CC, CXX and others for the platform, and leaves the executable at "
            "$OUT, or where bin says.",
            examples=["make", ["./configure --host=$TARGET", "make"]],
        ),
    ] = UNSET
    bin: Annotated[
        str | UnsetType,
        Meta(
            description="Which executable is meant: with build a path below the target's directory, else the name of a "
            "program, as cargo has it.",
            examples=["src/server"],
        ),
    ] = UNSET
    flags: Annotated[
        str | list[_Scalar] | UnsetType,
        Meta(
            description="Further arguments of go build, cargo build or zig build, one an element; may hold template "
            "parameters. One text is split at spaces.",
            examples=[["-race=false", "-mod=vendor"]],
        ),
    ] = UNSET
    ldflags: Annotated[
        str | list[_Scalar] | UnsetType,
        Meta(
            description="Arguments of -ldflags, joined with spaces; may hold template parameters. -s -w are strip's.",
            examples=[["-X main.version={{.Git.Tag}}"]],
        ),
    ] = UNSET
    gcflags: Annotated[
        str | list[_Scalar] | UnsetType,
        Meta(description="Values of -gcflags, each a flag of its own.", examples=["all=-B"]),
    ] = UNSET
    build_tags: Annotated[
        str | list[str] | UnsetType,
        Meta(description="Go's build tags (-tags).", examples=[["netgo", "timetzdata"]]),
    ] = UNSET
    variables: Annotated[
        _Map | UnsetType,
        Meta(
            description="Values that the linker gives to variables of the program (-X); may hold template parameters.",
            examples=[{"main.version": "{{.Git.Tag}}"}],
        ),
    ] = UNSET
    build_env: Annotated[
        _Map | UnsetType,
        Meta(
            description="Environment of go build, over that of smidgen itself; of the build script, which gets little "
            "else.",
            examples=[{"GOPRIVATE": "git.example.com", "GOEXPERIMENT": "jsonv2"}],
        ),
    ] = UNSET
    cgo: Annotated[
        bool | UnsetType,
        Meta(
            description="Whether C in Go packages is compiled too (cgo), by zig, and linked statically against musl. "
            "It takes smidgen[cgo]."
        ),
    ] = UNSET
    sysroot: Annotated[
        str | UnsetType,
        Meta(
            description="A directory that has what C code needs as the root of a system has it: the libraries that "
            "dynamic programs are loaded with; with cgo, headers and static libraries. Relative to this file.",
            examples=["sysroot"],
        ),
    ] = UNSET
    libc: Annotated[
        str | UnsetType,
        Meta(
            description="glibc: Go programs with C code are linked dynamically by gcc, and go into the image with the "
            "libraries that they need. Without it, programs are static.",
            examples=["glibc"],
        ),
    ] = UNSET
    libraries: Annotated[
        str | list[str] | UnsetType,
        Meta(
            description="Libraries that a dynamic program may load by itself (dlopen), beside those that it needs: "
            "names, which are looked for as the loader does it, or absolute paths.",
            examples=[["libsqlite3.so.0"]],
        ),
    ] = UNSET
    strip: Annotated[
        bool | UnsetType,
        Meta(description="Whether symbols and debug information are left out of the binary. They are."),
    ] = UNSET
    disable_optimizations: Annotated[
        bool | UnsetType, Meta(description="Compile for a debugger, as ko's --disable-optimizations does.")
    ] = UNSET


class Target(Options, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of the targets that an entry matches."""

    target: Annotated[
        str,
        Meta(
            description="A directory relative to this file, beginning with ./ or ../, or an import path. ... matches "
            "any text, so ./cmd/... is all below. Every entry that matches counts, and a later one wins.",
            examples=["./cmd/app", "./cmd/...", "golang.org/x/tools/cmd/stringer"],
        ),
    ]


class Registry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a registry is reached."""

    mirrors: Annotated[
        str | list[str] | UnsetType,
        Meta(
            description="Where to look first when images are pulled: HOST[:PORT][/PATH], in this order. A mirror gets "
            "credentials of its own only.",
            examples=[["mirror.example.com", "cache.example.com:5000/hub"]],
        ),
    ] = UNSET
    insecure: Annotated[
        bool | UnsetType,
        Meta(description="Whether plain http, and certificates that nobody vouches for, will do. Passwords are sent."),
    ] = UNSET
    ca: Annotated[
        str | list[str] | UnsetType,
        Meta(
            description="PEM files of certificate authorities to trust for it, beside the system's. Relative to this "
            "file.",
            examples=["corp-ca.pem"],
        ),
    ] = UNSET
    client_cert: Annotated[
        str | UnsetType,
        Meta(description="PEM file of the certificate to show it, perhaps with its key. Relative to this file."),
    ] = UNSET
    client_key: Annotated[
        str | UnsetType, Meta(description="PEM file of the key of client_cert. Relative to this file.")
    ] = UNSET


_SIZE_EXAMPLES: Final = ["10MB", "512KiB", 4000000]


class Budget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an image may have, for smidgen check. Sizes are bytes, or have a unit: kB, MB, GB, KiB, MiB, GiB."""

    size: Annotated[_Number | UnsetType, Meta(description="Of all layers, uncompressed.", examples=_SIZE_EXAMPLES)] = (
        UNSET
    )
    pull_size: Annotated[
        _Number | UnsetType, Meta(description="To pull: manifest, configuration and layers as they are stored.")
    ] = UNSET
    layer_size: Annotated[_Number | UnsetType, Meta(description="Of the largest layer, uncompressed.")] = UNSET
    layers: Annotated[_Number | UnsetType, Meta(description="How many layers.", examples=[5])] = UNSET
    wasted: Annotated[
        _Number | UnsetType, Meta(description="Bytes that no container can read, as smidgen waste counts them.")
    ] = UNSET
    packages: Annotated[
        _Map | UnsetType,
        Meta(
            description="Of Go packages in the program that the image starts, on disk. ... in a name matches any text, "
            "and all that match count together.",
            examples=[{"net/http": "400kB", "github.com/aws/...": "5MB"}],
        ),
    ] = UNSET
    needs: Annotated[
        list[_Need] | UnsetType,
        Meta(description="The only things that the program may need at run time.", examples=[["ca", "tz"]]),
    ] = UNSET
    no_root: Annotated[bool | UnsetType, Meta(description="The program must not run as root.")] = UNSET
    static: Annotated[bool | UnsetType, Meta(description="The program must need no loader and no library.")] = UNSET
    growth: Annotated[
        _Number | UnsetType,
        Meta(
            description="How much larger than the other image, uncompressed: a size, or a share in percent. Needs "
            "smidgen check --against.",
            examples=["5%", "200kB"],
        ),
    ] = UNSET
    pull_growth: Annotated[
        _Number | UnsetType, Meta(description="How much more to pull than the other image.", examples=["2%"])
    ] = UNSET


_Severity = Literal["error", "warning", "info"]


class Lint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What smidgen lint is to find in the Dockerfiles of this file's directory. Options of the command come first."""

    ignore: Annotated[
        str | list[_Scalar] | UnsetType,
        Meta(
            description="Rules to leave out, by id or name; of hadolint and BuildKit by their names.",
            examples=[["SM034", "no-user", "DL3018"]],
        ),
    ] = UNSET
    severity: Annotated[
        dict[str, _Severity] | UnsetType,
        Meta(description="How bad the findings of a rule are here.", examples=[{"SM011": "error", "DL3018": "info"}]),
    ] = UNSET
    fail_on: Annotated[
        Literal["error", "warning", "info", "never"] | UnsetType,
        Meta(description="Exit with 1 for findings of this severity or worse; without it warning."),
    ] = UNSET
    trusted_registries: Annotated[
        str | list[str] | UnsetType,
        Meta(
            description="The only places that images may come from: HOST[:PORT][/PATH] or *.DOMAIN; what SM042 asks.",
            examples=[["docker.io/library", "gcr.io/distroless", "*.example.com"]],
        ),
    ] = UNSET
    build: Annotated[
        bool | UnsetType, Meta(description="Whether the program is compiled to see what it needs. It is.")
    ] = UNSET
    hadolint: Annotated[
        bool | UnsetType, Meta(description="Whether hadolint is asked; without it, where it is installed.")
    ] = UNSET


class File(Options, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How smidgen builds images of the programs below this file's directory."""

    registries: Annotated[
        dict[str, Registry | None] | UnsetType,
        Meta(
            description="How registries are reached, by HOST[:PORT][/PATH], or *.DOMAIN; the longest that matches "
            "counts, and each stands before what registries.conf says of the same.",
            examples=[{"docker.io": {"mirrors": ["mirror.example.com"]}}],
        ),
    ] = UNSET

    budget: Annotated[
        Budget | UnsetType | None, Meta(description="What an image may have; smidgen check fails where it has more.")
    ] = UNSET

    lint: Annotated[Lint | UnsetType | None, Meta(description="What smidgen lint is to find, and how bad it is.")] = (
        UNSET
    )

    targets: Annotated[
        list[Target] | UnsetType,
        Meta(description="What differs for some targets. Values replace those above; maps are joined, key by key."),
    ] = UNSET


def json_schema() -> dict[str, Any]:
    """Give the JSON schema of ``smidgen.yaml``, for editors."""
    schema = _widened(msgspec.json.schema(File))
    definitions = schema.pop("$defs")
    root = definitions.pop("File")
    root["title"] = "smidgen.yaml"
    return {"$schema": _DIALECT, "$id": SCHEMA_ID, **root, "$defs": definitions}


def _widened(schema: Any) -> Any:  # noqa: ANN401 - a JSON schema is any JSON
    if isinstance(schema, list):
        return [_widened(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    widened = {key: _widened(value) for key, value in schema.items() if key != _WIDER}
    if _WIDER in schema:
        widened["type"] = schema[_WIDER]
    return widened


def render_json_schema() -> str:
    """Render the JSON schema as the file that is kept with the documentation."""
    return msgspec.json.format(msgspec.json.encode(json_schema()), indent=2).decode() + "\n"
