"""``smidgen build --push``: what was built, to the registries that its names say."""

from collections.abc import Iterable

from smidgen.cli.console import console
from smidgen.cli.progress import Progress
from smidgen.cli.registry_session import open_session
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.reference import Reference
from smidgen.report.schema_build import PushResult
from smidgen.report.transfer import push_result, render_amounts
from smidgen.store.content import ContentStore
from smidgen.transfer.tally import Tally
from smidgen.transfer.together import Consignment, push_together


def push_built(store: ContentStore, images: Iterable[tuple[Descriptor, tuple[Reference, ...]]]) -> PushResult:
    """Push images under all their names, and tell people what travelled.

    Raises:
        RegistryError: A registry refused, or did not answer.
    """
    going = [Consignment(descriptor, names) for descriptor, names in images]
    tally = Tally(progress := Progress())
    with progress, open_session(progress.warn) as session:
        progress.say(f"pushing {', '.join(image.references[0].familiar for image in going)}")
        push_together(session, store, going, progress=tally)
    console.note(f"pushed: {render_amounts(tally.amounts)}")
    return push_result(tally.amounts)
