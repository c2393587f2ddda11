"""What Go said about a package, remembered so that Go need not be started only to find out what is to be built."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from os.path import join

from smidgen.gobuild.inputs import Inputs
from smidgen.gobuild.look import look
from smidgen.gobuild.record import FORMAT, Record
from smidgen.gobuild.record_file import SUFFIX, compare_kept, is_read_by_go, keep_record, name_of, read_record


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers of Go that are kept in a folder, beside the records of builds.

    Attributes:
        folder: As for ``smidgen.gobuild.cache``.
    """

    folder: str

    def _path(self, command: tuple[str, ...], variables: Mapping[str, str], identity: str) -> str:
        # PATH, as another toolchain may be looked for there.
        names = sorted(name for name in variables if is_read_by_go(name) or name == "PATH")
        settings = [text for name in names for text in (name, variables[name])]
        return join(self.folder, name_of(["answers", *command]), name_of([identity, *settings]) + SUFFIX)

    def recall(self, command: tuple[str, ...], variables: Mapping[str, str], identity: str) -> bytes | None:
        """Give what *command* said, if it would say the same now; None where that is not known.

        Args:
            command: Its arguments.
            variables: Its environment.
            identity: That of the toolchain.
        """
        path = self._path(command, variables, identity)
        kept = read_record(path)
        if kept is None or compare_kept(path, kept).difference:
            return None
        return kept.result

    def keep(
        self,
        command: tuple[str, ...],
        variables: Mapping[str, str],
        identity: str,
        *,
        said: bytes,
        inputs: Inputs,
        started_ns: int,
    ) -> None:
        """Keep what *command* said from *inputs*, unless they changed after *started_ns*."""
        seen = look(inputs, started_ns)
        if seen.doubt:
            return
        fresh = Record(
            format=FORMAT,
            request={},
            environment={},
            repositories={},
            files=list(seen.files),
            names=list(seen.names),
            absent=list(seen.absent),
            result=said,
        )
        with suppress(OSError):
            keep_record(self._path(command, variables, identity), fresh)
