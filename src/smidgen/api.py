"""What the command line does, as typed functions: nothing is printed, and nothing exits.

::

    import smidgen

    image = smidgen.build("./cmd/app", flags=smidgen.Flags(platforms=("linux/amd64", "linux/arm64")))
    image.tag("app:1.0")
    image.save("app.tar")
    image.push("ghcr.io/me/app:1.0")

Every deliberate error is a ``smidgen.SmidgenError``.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from smidgen.config.search import ConfigSearch
from smidgen.config.settings import Flags
from smidgen.errors import UsageError
from smidgen.gobuild.build import build as _build
from smidgen.gobuild.built import Built
from smidgen.gobuild.pipeline import BuildRequest, Outcome
from smidgen.image.image import Image
from smidgen.oci.platform import Platform
from smidgen.oci.reference import Reference
from smidgen.store.content import ContentStore

if TYPE_CHECKING:
    from smidgen.needs.closure.closure import Closure
    from smidgen.sandbox.prove import Proof, ProveOptions
    from smidgen.sandbox.run import RunOptions
    from smidgen.server.listen import Server
    from smidgen.transfer.endpoint import Endpoint
    from smidgen.transfer.move import Arrived

__all__ = [
    "Built",
    "Flags",
    "Image",
    "build",
    "build_all",
    "build_watched",
    "closure",
    "copy",
    "delete",
    "find_image",
    "load",
    "open_store",
    "prove",
    "pull",
    "push",
    "rebase",
    "request",
    "run",
    "serve",
    "tags",
    "verify_reproducible",
]

_NO_FLAGS = Flags()


def closure(program: str | Path, *, sysroot: str | Path | None = None, libraries: Sequence[str] = ()) -> "Closure":
    """Find the libraries that a dynamic executable is loaded with, as its loader would; nothing is started.

    Args:
        program: An ELF executable with an interpreter.
        sysroot: Where its libraries are; None means this machine.
        libraries: Names or paths of further ones that it may load.

    Returns:
        The closure; what is missing is in it, see ``Closure.is_whole``.

    Raises:
        ContentError: It, or a library, is no ELF file or a damaged one.
        DynamicExecutable: It is static, or a library.
        UsageError: There is no such file or directory.
    """
    from smidgen.needs.closure.resolve import resolve_closure  # nobody else needs it

    for path, is_there in ((program, os.path.isfile), (sysroot or "/", os.path.isdir)):
        if not is_there(path):
            raise UsageError(f"{path}: no such {'file' if path is program else 'directory'}")
    return resolve_closure(Path(program), sysroot=Path(sysroot) if sysroot else None, asked=libraries, advises=True)


def open_store(root: str | Path | None = None) -> ContentStore:
    """Open the content store at *root*, by default ``$SMIDGEN_STORE`` or that of this user; it is made if need be.

    Raises:
        StoreError: It cannot be read or made.
    """
    return ContentStore.open(Path(root) if root is not None else None)


def find_image(name: str, *, store: ContentStore | None = None) -> Image:
    """Find an image by ``NAME[:TAG][@DIGEST]``, digest, or prefix of a digest.

    Raises:
        NotFound: The store has no such image; the hint has close names.
    """
    return Image.resolve(store or open_store(), name)


def build(
    target: str | Path = ".",
    *,
    binary: str | Path | None = None,
    flags: Flags = _NO_FLAGS,
    directory: str | Path | None = None,
    config: str | Path | None = None,
    environ: Mapping[str, str] | None = None,
    store: ContentStore | None = None,
    use_cache: bool = True,
    offline: bool = False,
    locked: bool = False,
) -> Image:
    """Build one program into an image of the store, tagged as its configuration says.

    Args:
        target: A main package: a directory, an import path, or ``PATH@VERSION``.
        binary: An executable that is already built, instead of *target*.
        flags: What the command line's options would say; the rest comes from ``smidgen.yaml``, if there is one.
        directory: What relative paths are relative to; the current one by default.
        config: The configuration file; found upwards from the target by default.
        environ: Environment for Go and for the configuration; this process's by default.
        store: Where the image goes; this user's store by default.
        use_cache: Whether the outcome of an earlier build may be taken where nothing changed.
        offline: Whether a base may be of the store only, so that no registry is asked.
        locked: Whether a base that is a tag must be in the lock file.

    Raises:
        UsageError: The request cannot be meant.
        BuildError: It could not be built; a ``CompileError`` has the compiler's words.
        StoreError: The store cannot be written.
    """
    asked = request(
        () if binary is not None else (str(target),),
        binary=binary,
        flags=flags,
        directory=directory,
        config=config,
        environ=environ,
        use_cache=use_cache,
        offline=offline,
        locked=locked,
    )
    images = build_all(asked, store=store)
    if len(images) != 1:
        raise UsageError(f"{target} means {len(images)} programs", hint="use build_all")
    return images[0].image


def request(
    targets: Sequence[str] = (),
    *,
    binary: str | Path | None = None,
    flags: Flags = _NO_FLAGS,
    directory: str | Path | None = None,
    config: str | Path | None = None,
    environ: Mapping[str, str] | None = None,
    use_cache: bool = True,
    offline: bool = False,
    locked: bool = False,
) -> BuildRequest:
    """Put a request together for ``build_all``; see ``build`` for what the arguments mean."""
    here = Path(os.path.abspath(directory or "."))
    variables = dict(os.environ if environ is None else environ)
    return BuildRequest(
        targets=tuple(targets),
        binary=Path(binary) if binary is not None else None,
        directory=here,
        flags=flags,
        configs=ConfigSearch(Path(config) if config is not None else None, here, variables),
        environ=variables,
        use_cache=use_cache,
        offline=offline,
        locked=locked,
    )


def build_all(
    asked: BuildRequest, *, store: ContentStore | None = None, progress: Callable[[str], None] | None = None
) -> tuple[Built, ...]:
    """Build every program of a request, and give all that is known of each image.

    Raises:
        SmidgenError: As ``build``.
    """
    return build_watched(asked, store=store, progress=progress).images


def build_watched(
    asked: BuildRequest, *, store: ContentStore | None = None, progress: Callable[[str], None] | None = None
) -> Outcome:
    """As ``build_all``; also tells what would have to change for another outcome.

    Raises:
        SmidgenError: As ``build``.
    """
    return _build(asked, store or open_store(), progress=progress or (lambda _text: None))


def verify_reproducible(asked: BuildRequest, images: Sequence[Built]) -> tuple[str, ...]:
    """Build *asked* once more, in another place, as another user, on another host, and compare.

    Args:
        asked: A request.
        images: What it gave.

    Returns:
        What was different the second time, in words.

    Raises:
        NotReproducible: The images differ; says where.
        BuildError: The second build failed.
    """
    from smidgen.gobuild.again import build_again  # nobody else needs it

    return build_again(asked, images)


def load(
    source: str | Path | BinaryIO, *, name: str | None = None, store: ContentStore | None = None
) -> tuple[Image, ...]:
    """Read the images of an archive (of docker, podman, skopeo, smidgen), or of an image layout's directory.

    Args:
        source: A file, a directory, or an archive that is open for reading.
        name: For an image that brings none; else it is called ``loaded:`` and the begin of its digest, as what has
            no tag is not kept.
        store: Where the images go; this user's store by default.

    Raises:
        ContentError: It is damaged, hostile, or no archive of images.
        StoreError: The file cannot be read, or the store not written.
    """
    from smidgen.transfer.load import load_images

    return load_images(store or open_store(), source if not isinstance(source, str) else Path(source), name=name)


def pull(
    name: str, *, tag: str | None = None, platforms: Iterable[str] = (), store: ContentStore | None = None
) -> Image:
    """Pull an image from a registry into the store, all platforms of it; only what the store does not have is fetched.

    Args:
        name: ``[REGISTRY/]NAME[:TAG][@DIGEST]``; without a registry it is one of Docker Hub.
        tag: What to call it in the store; *name* by default.
        platforms: Only the images for these.
        store: Where it goes; this user's store by default.

    Raises:
        RegistryError: The registry did not answer, or refused; ``NotInRegistry`` where there is no such image.
        ContentError: What came is not what it should be.
        StoreError: The store cannot be written.
    """
    from smidgen.transfer.destination import name_in_store
    from smidgen.transfer.endpoint import Remote, Stored

    source = Remote(Reference.parse(name).with_default_tag())
    content = store or open_store()
    (arrived,) = _moved(content, source, [Stored(tag or str(name_in_store(source.reference)))], platforms)
    return Image(content, arrived.descriptor, arrived.reference)


def push(
    name: str,
    *destinations: str,
    platforms: Iterable[str] = (),
    referrers: bool = False,
    store: ContentStore | None = None,
) -> tuple[str, ...]:
    """Push the image *name* of the store; see ``Image.push``.

    Raises:
        NotFound: The store has no such image.
        SmidgenError: As ``Image.push``.
    """
    from smidgen.config.registries import registry_hosts
    from smidgen.registry.session import Session

    image = find_image(name, store=store)
    with Session(hosts=registry_hosts()) as session:
        return image.push(*destinations, platforms=platforms, referrers=referrers, session=session)


def copy(
    source: str,
    *destinations: str,
    platforms: Iterable[str] = (),
    referrers: bool = False,
    store: ContentStore | None = None,
) -> tuple[str, ...]:
    """Copy an image from anywhere to anywhere; between registries nothing is written to disk.

    Args:
        source: ``docker://REF``, ``oci:DIR[:NAME]``, ``oci-archive:FILE[:NAME]``, ``docker-archive:FILE[:REF]``,
            ``docker-daemon:REF``, or ``REF`` of the store.
        destinations: Likewise.
        platforms: Only the images for these.
        referrers: Copy what refers to it, too: signatures, lists of parts, provenance.
        store: This user's store by default.

    Returns:
        The digest at each destination.

    Raises:
        UsageError: A place cannot be meant.
        SmidgenError: As ``pull``, ``load`` and ``Image.push``.
    """
    from smidgen.transfer.endpoint import parse_endpoint

    ends = [parse_endpoint(text, default="store") for text in destinations]
    found = parse_endpoint(source, default="store")
    moved = _moved(store or open_store(), found, ends, platforms, referrers=referrers)
    return tuple(one.descriptor.digest for one in moved)


def _moved(
    store: ContentStore,
    source: "Endpoint",
    destinations: "Sequence[Endpoint]",
    platforms: Iterable[str],
    *,
    referrers: bool = False,
) -> "tuple[Arrived, ...]":
    from smidgen.config.registries import registry_hosts
    from smidgen.registry.session import Session
    from smidgen.transfer.move import MoveOptions, move

    chosen = tuple(map(Platform.parse, platforms)) or None
    with Session(hosts=registry_hosts()) as session:
        return move(session, store, source, destinations, MoveOptions(platforms=chosen, referrers=referrers))


def tags(repository: str) -> tuple[str, ...]:
    """List the tags of a repository of a registry, in the registry's order.

    Raises:
        RegistryError: It did not answer, or refused; ``NotInRegistry`` where there is no such repository.
    """
    from smidgen.config.registries import registry_hosts
    from smidgen.registry.client import Client
    from smidgen.registry.repository import Repository
    from smidgen.registry.session import Session

    with Session(hosts=registry_hosts()) as session:
        return tuple(Client(session, Repository.of(Reference.parse(repository))).tags())


def delete(name: str) -> None:
    """Delete ``NAME:TAG`` from a registry, which leaves the image, or ``NAME@DIGEST``: the image with all its tags.

    Raises:
        UsageError: *name* has neither tag nor digest, or both.
        RegistryError: The registry does not delete, or not for us; ``NotInRegistry`` where there is none.
    """
    from smidgen.config.registries import registry_hosts
    from smidgen.registry.session import Session
    from smidgen.transfer.delete import delete, parse_target

    target = parse_target(name)
    with Session(hosts=registry_hosts()) as session:
        delete(session, target)


def rebase(
    name: str,
    onto: str,
    *,
    old: str | None = None,
    names: Sequence[str] = (),
    offline: bool = False,
    environ: Mapping[str, str] | None = None,
    store: ContentStore | None = None,
) -> tuple[str, ...]:
    """Put the image *name* onto another base, without building it again.

    Args:
        name: Of the store; or ``docker://REF``, or a name with a registry that the store does not have: then all
            happens in the registry, and no layer of the image is fetched.
        onto: The new base, as ``Flags.base`` takes it.
        old: What it stands on; as its annotations say by default.
        names: What to call the new image; *name* by default.
        offline: Whether bases may be of the store only.
        environ: The environment, for credentials; this process's by default.
        store: This user's store by default.

    Returns:
        The names, with the new digest.

    Raises:
        UsageError: The image does not stand on its old base, or nobody knows what that is.
        NotFound: There is no such image, or no base for one of its platforms.
        RegistryError: A registry did not answer, or refused.
    """
    from smidgen.gobuild.rebase import RebaseRequest, rebase_image

    variables = os.environ if environ is None else environ
    asked = RebaseRequest(image=name, onto=onto, old=old, names=tuple(names), offline=offline, environ=variables)
    outcome = rebase_image(asked, store or open_store())
    return tuple(f"{one.familiar}@{outcome.rebased.image.digest}" for one in outcome.references)


def run(image: Image, options: "RunOptions | None" = None) -> int:
    """Run *image* until its program ends; give its exit code, 128 + N where signal N ended it.

    The program writes to this process's standard output and error.

    Raises:
        SandboxError: There is nothing to run it with, or it could not be set up.
    """
    from smidgen.sandbox.run import RunOptions, run_image

    return run_image(image, options or RunOptions())


def prove(image: Image, options: "ProveOptions | None" = None) -> "Proof":
    """Run *image* under conditions as hostile as production's, and say what was seen.

    Raises:
        SandboxError: There is nothing to run it with, or it could not be set up.
    """
    from smidgen.sandbox.prove import ProveOptions, prove_image

    return prove_image(image, options or ProveOptions())


def serve(
    store: ContentStore | None = None,
    *,
    listen: str = "127.0.0.1:0",
    read_only: bool = False,
    account: tuple[str, str] | None = None,
    certificate: tuple[str | Path, str | Path] | None = None,
    allow_remote: bool = False,
    log: Callable[[str], None] = lambda _line: None,
) -> "AbstractContextManager[Server]":
    """Serve *store* as a registry as long as a ``with`` block takes; it names the registry's ``address`` and ``url``.

    Args:
        store: What is pulled from and pushed into; this user's store by default.
        listen: ``HOST:PORT``; port 0 takes a free one.
        read_only: Refuse pushes and deletions.
        account: The user and the password that are asked for.
        certificate: PEM files of a certificate with its chain and of its key, to speak TLS.
        allow_remote: Let other machines in without TLS or without an account.
        log: Called with a line for each request, from threads.

    Raises:
        UsageError: The arguments cannot be meant, or nothing can listen there.
    """
    from smidgen.server.listen import serving
    from smidgen.server.options import Account, ServeOptions, parse_listen

    host, port = parse_listen(listen)
    options = ServeOptions(
        host=host,
        port=port,
        read_only=read_only,
        certificate=Path(certificate[0]) if certificate else None,
        key=Path(certificate[1]) if certificate else None,
        account=Account(*account) if account else None,
        allow_remote=allow_remote,
    )
    return serving(store or open_store(), options, log=log)
