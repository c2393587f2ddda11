"""What was explained, as plain values."""

from dataclasses import dataclass
from enum import IntEnum

from smidgen.analyze.explained import (
    ExplainedBinary,
    ExplainedFile,
    ExplainedImage,
    ExplainedLayer,
    ImageNeed,
    PackageBytes,
    ProgramFacts,
    SectionBytes,
)
from smidgen.elf.buildinfo import BuildInfo, Module
from smidgen.needs.need import Need
from smidgen.report.printable import encodable
from smidgen.report.schema_explain import (
    ExplainBytes,
    ExplainedContainer,
    ExplainedEntry,
    ExplainedModule,
    ExplainedPackage,
    ExplainedPart,
    ExplainedProgram,
    ExplainedSection,
    ExplainedTar,
    ExplainReport,
    ProgramNeed,
)


class Depth(IntEnum):
    """How far down a report goes."""

    IMAGE = 0
    LAYER = 1
    FILE = 2
    SECTION = 3
    PACKAGE = 4
    FUNCTION = 5


@dataclass(frozen=True, slots=True)
class Selection:
    """What of an explanation is reported.

    Attributes:
        depth: How far down.
        packages: Only these, and what is below them; all if empty.
    """

    depth: Depth = Depth.PACKAGE
    packages: tuple[str, ...] = ()

    def takes(self, package: str) -> bool:
        """Say whether a package is one of those that were asked for."""
        return not self.packages or any(package == one or package.startswith(f"{one}/") for one in self.packages)


def binary_report(name: str, binary: ExplainedBinary, selection: Selection) -> ExplainReport:
    """Report an executable that is in no image."""
    return ExplainReport(
        name=name,
        bytes=ExplainBytes(total=binary.size, exact=binary.exact, attributed=binary.attributed, pull=binary.pull),
        binary=_program(binary, selection),
    )


def image_report(image: ExplainedImage, selection: Selection) -> ExplainReport:
    """Report an image."""
    binaries = [file.binary for file in image.binaries if file.binary is not None]
    inexact = sum(binary.size - binary.exact for binary in binaries)
    unknown = sum(binary.size - binary.attributed for binary in binaries)
    return ExplainReport(
        name=image.name,
        bytes=ExplainBytes(
            total=image.size, exact=image.size - inexact, attributed=image.size - unknown, pull=image.pull
        ),
        image=ExplainedContainer(
            digest=image.digest,
            platform=image.platform,
            user=image.user,
            root=image.is_root,
            entrypoint=image.entrypoint,
            cmd=image.cmd,
            working_dir=image.working_dir,
            env=dict(image.env),
            ports=image.ports,
            labels=dict(image.labels),
            program=encodable(image.program),
            needs=tuple(map(_image_need, image.needs)),
            layers=tuple(_layer(layer, selection) for layer in image.layers) if selection.depth >= Depth.LAYER else (),
        ),
    )


def _layer(layer: ExplainedLayer, selection: Selection) -> ExplainedTar:
    return ExplainedTar(
        digest=layer.digest,
        diff_id=layer.diff_id,
        media_type=layer.media_type,
        size=layer.size,
        pull=layer.pull,
        framing=layer.framing,
        created_by=layer.created_by,
        files=tuple(_entry(file, selection) for file in layer.files) if selection.depth >= Depth.FILE else (),
    )


def _entry(file: ExplainedFile, selection: Selection) -> ExplainedEntry:
    inside = file.binary if selection.depth >= Depth.SECTION else None
    return ExplainedEntry(
        path=f"/{encodable(file.path)}",
        kind=file.kind.value,
        mode=f"{file.mode:04o}",
        uid=file.uid,
        gid=file.gid,
        size=file.size,
        pull=file.pull,
        link=encodable(file.link) if file.link else None,
        binary=_program(inside, selection) if inside is not None else None,
        problem=file.problem,
    )


def _program(binary: ExplainedBinary, selection: Selection) -> ExplainedProgram:
    facts = binary.facts
    report = facts.needs
    return ExplainedProgram(
        architecture=facts.architecture,
        variant=facts.variant,
        go_version=facts.go_version,
        static=facts.static,
        interpreter=facts.interpreter,
        libraries=facts.libraries,
        stripped=facts.stripped,
        debug=facts.debug,
        trimmed=facts.trimmed,
        pie=facts.pie,
        packed=facts.packed,
        cgo=facts.cgo,
        keeps_methods=facts.keeps_methods,
        main=facts.build.path if facts.build is not None else "",
        modules=_modules(facts.build),
        settings=dict(facts.build.settings) if facts.build is not None else {},
        needs=tuple(map(_need, report.needs)) if report is not None else (),
        facts=_sentences(facts),
        problems=binary.problems,
        twin=binary.has_twin,
        size=binary.size,
        exact=binary.exact,
        attributed=binary.attributed,
        pull=binary.pull,
        sections=tuple(_section(section, selection) for section in binary.sections)
        if selection.depth >= Depth.SECTION
        else (),
    )


def _sentences(facts: ProgramFacts) -> tuple[str, ...]:
    return tuple(fact.message for fact in facts.needs.facts) if facts.needs is not None else ()


def _modules(build: BuildInfo | None) -> tuple[ExplainedModule, ...]:
    if build is None:
        return ()
    return tuple(map(_module, (*((build.main,) if build.main is not None else ()), *build.dependencies)))


def _module(module: Module) -> ExplainedModule:
    by = module.replace
    return ExplainedModule(
        path=module.path,
        version=module.version,
        replaced_by=f"{by.path} {by.version}".rstrip() if by is not None else None,
    )


def _section(section: SectionBytes, selection: Selection) -> ExplainedSection:
    wanted = section.packages if selection.depth >= Depth.PACKAGE else ()
    return ExplainedSection(
        name=section.name,
        offset=section.offset,
        size=section.size,
        memory=section.memory,
        exact=section.exact,
        attributed=section.attributed,
        pull=section.pull,
        packages=tuple(_package(package, selection) for package in wanted if selection.takes(package.name)),
    )


def _package(package: PackageBytes, selection: Selection) -> ExplainedPackage:
    parts = package.parts if selection.depth >= Depth.FUNCTION else ()
    return ExplainedPackage(
        name=package.name,
        kind=package.kind.value,
        size=package.size,
        exact=package.exact,
        pull=package.pull,
        parts=tuple(
            ExplainedPart(name=part.name, kind=part.kind.value, size=part.size, exact=part.exact, pull=part.pull)
            for part in parts
        ),
    )


def _need(need: Need) -> ProgramNeed:
    return ProgramNeed(
        kind=need.kind.value,
        confidence=need.confidence.value,
        proof=need.symbol,
        reason=need.reason,
        callers=need.callers,
        place=None,
    )


def _image_need(need: ImageNeed) -> ProgramNeed:
    return ProgramNeed(
        kind=need.kind,
        confidence=need.confidence,
        proof=need.proof,
        reason=need.reason,
        callers=need.callers,
        place=need.place,
    )
