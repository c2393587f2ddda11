"""Renders compose.yaml: the programs, and the servers that they talk to, each with a health check. A pure function."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from smidgen.needs.need import NeedKind
from smidgen.project.program import Program, Project
from smidgen.project.smidgen_yaml import comment, quoted


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server that programs talk to.

    Attributes:
        test: What says that it is well, in its own image, as ``test`` of a health check.
        environment: Of its container.
        data: Where its image keeps what must outlive a container.
        variables: What programs call its address, as a part of the name of a variable → the address.
    """

    image: str
    test: str
    environment: tuple[tuple[str, str], ...] = ()
    data: str = ""
    variables: tuple[tuple[str, str], ...] = ()


_SECRET: Final = "${DB_PASSWORD:?write it to .env}"  # noqa: S105 (the name of one)
_POSTGRES: Final = f"postgres://app:{_SECRET}@postgres:5432/app?sslmode=disable"
SERVERS: Final = {
    "postgres": Server(
        image="postgres:17",
        # By way of the network: while the database is being made, it answers on its socket alone.
        test='["CMD-SHELL", "pg_isready -U app -d app -h 127.0.0.1"]',
        environment=(("POSTGRES_USER", "app"), ("POSTGRES_PASSWORD", _SECRET), ("POSTGRES_DB", "app")),
        data="/var/lib/postgresql/data",
        variables=(
            ("DATABASE_URL", _POSTGRES),
            ("POSTGRES_URL", _POSTGRES),
            ("PG_URL", _POSTGRES),
            ("DB_URL", _POSTGRES),
        ),
    ),
    "mysql": Server(
        image="mysql:8.4",
        test='["CMD-SHELL", "mysqladmin ping -h 127.0.0.1 -u app -p\\"$$MYSQL_PASSWORD\\""]',
        environment=(
            ("MYSQL_USER", "app"),
            ("MYSQL_PASSWORD", _SECRET),
            ("MYSQL_DATABASE", "app"),
            ("MYSQL_RANDOM_ROOT_PASSWORD", "1"),
        ),
        data="/var/lib/mysql",
        variables=(
            ("MYSQL_DSN", f"app:{_SECRET}@tcp(mysql:3306)/app"),
            ("DB_DSN", f"app:{_SECRET}@tcp(mysql:3306)/app"),
        ),
    ),
    "redis": Server(
        image="redis:7",
        test='["CMD", "redis-cli", "ping"]',
        data="/data",
        variables=(("REDIS_URL", "redis://redis:6379"), ("REDIS_ADDR", "redis:6379")),
    ),
    "mongo": Server(
        image="mongo:8",
        test='["CMD", "mongosh", "--quiet", "--eval", "db.adminCommand(\'ping\')"]',
        data="/data/db",
        variables=(("MONGODB_URI", "mongodb://mongo:27017"), ("MONGO_URL", "mongodb://mongo:27017")),
    ),
    "nats": Server(
        image="nats:2-alpine",
        test='["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8222/healthz"]',
        variables=(("NATS_URL", "nats://nats:4222"),),
    ),
    "rabbitmq": Server(
        image="rabbitmq:4",
        test='["CMD", "rabbitmq-diagnostics", "-q", "ping"]',
        data="/var/lib/rabbitmq",
        variables=(
            ("AMQP_URL", "amqp://guest:guest@rabbitmq:5672/"),
            ("RABBITMQ_URL", "amqp://guest:guest@rabbitmq:5672/"),
        ),
    ),
}


def render_compose(project: Project, *, from_dockerfile: bool, probed: bool) -> str:
    """Render the whole file.

    Args:
        project: What was found.
        from_dockerfile: Images come from the Dockerfile, else from ``smidgen build``.
        probed: They have the probe that our smidgen.yaml asks for.
    """
    how = "docker compose up --build" if from_dockerfile else "smidgen build ./... --load docker && docker compose up"
    lines = [f"# Written by `smidgen init --compose`. Start it with: {how}", "services:"]
    taken: dict[int, int] = {}
    servers = tuple(dict.fromkeys(server for program in project.programs for server in program.servers))
    for program in project.programs:
        lines += [
            f"  {line}" for line in _program(program, project, taken, from_dockerfile=from_dockerfile, probed=probed)
        ]
    for name in servers:
        lines += [f"  {line}" for line in _server(name, SERVERS[name])]
    kept = [name for name in servers if SERVERS[name].data]
    lines += ["volumes:", *(f"  {name}-data:" for name in kept)] if kept else []
    return "\n".join(lines) + "\n"


def service_name(program: Program) -> str:
    """Name the service of *program*: a server of the same name keeps its own."""
    name = program.component
    return f"{name}-app" if name in SERVERS else name


def _program(
    program: Program, project: Project, taken: dict[int, int], *, from_dockerfile: bool, probed: bool
) -> Iterator[str]:
    yield f"{quoted(service_name(program))}:"
    if from_dockerfile:
        target = f"{{context: ., target: {quoted(program.component)}}}" if len(project.programs) > 1 else "."
        yield f"  build: {target}"
    else:
        yield f"  image: {quoted(f'{program.component}:latest')}"
    yield from _ports(program, taken)
    variables = dict(_variables(program))
    if variables:
        yield "  environment:"
        yield from (f"    {name}: {quoted(value)}" for name, value in variables.items())
    if others := [name for name in program.scanned.variables if name not in variables]:
        yield f"  # It also reads {', '.join(others)}."
    yield _health(program, from_dockerfile=from_dockerfile, probed=probed)
    yield "  read_only: true"
    yield "  cap_drop: [ALL]"
    yield "  security_opt: [no-new-privileges:true]"
    if NeedKind.TMP in program.needs or program.uses_cgo:
        yield "  tmpfs: [/tmp]"
    if program.servers:
        yield "  depends_on:"
        yield from (f"    {name}: {{condition: service_healthy}}" for name in program.servers)
    yield "  restart: unless-stopped"


def _ports(program: Program, taken: dict[int, int]) -> Iterator[str]:
    if program.scanned.ports:
        yield "  ports:"
    for port in program.scanned.ports:
        # Two programs of one project often listen on the same port.
        outside = next((number for number in range(port, 65536) if number not in taken), port)
        taken[outside] = port
        yield f'    - "127.0.0.1:{outside}:{port}"'


def _health(program: Program, *, from_dockerfile: bool, probed: bool) -> str:
    if test := _test(program, probed=probed):
        return f"  healthcheck: {{test: {test}, interval: 10s, timeout: 5s, start_period: 10s}}"
    if not program.health:
        return "  # No health check: it listens on no port that was found."
    if from_dockerfile:
        return f"  # No health check: the image has nothing to ask {comment(program.health)} with."
    return "  # The health check is the image's own, if smidgen.yaml has one."


def _test(program: Program, *, probed: bool) -> str:
    if program.scanned.self_check:
        words = (f"/{program.name}", *program.scanned.self_check)
        return f"[CMD, {', '.join(map(quoted, words))}]"
    if not probed or not program.health:
        return ""
    scheme, _, rest = program.health.partition("://")
    return f"[CMD, /.smidgen/probe, {quoted(f'{scheme}://localhost{rest}')}]"


def _variables(program: Program) -> Iterator[tuple[str, str]]:
    for name in program.scanned.variables:
        for server in program.servers:
            for ending, value in SERVERS[server].variables:
                if name.endswith(ending):
                    yield name, value


def _server(name: str, server: Server) -> Iterator[str]:
    yield f"{name}:"
    yield f"  image: {server.image}"
    if name == "nats":
        yield '  command: ["-m", "8222"]'
    if server.environment:
        yield "  environment:"
        yield from (f"    {key}: {quoted(value)}" for key, value in server.environment)
    yield f"  healthcheck: {{test: {server.test}, interval: 5s, timeout: 5s, retries: 20}}"
    if server.data:
        yield f"  volumes: [{quoted(f'{name}-data:{server.data}')}]"
    yield "  restart: unless-stopped"
