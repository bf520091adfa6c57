"""Packages that leave the core: its modules import none of them, but for those that are listed."""

from collections.abc import Mapping, Set

from tests.architecture.test_imports import PACKAGE, ROOT, module_graph

PACKAGES = {
    "nodes": "nodes network.wire network.http network.links network.address certificate supervision games_of_nodes "
             "cli.assemble cli.join cli.node cli.up cli.ps cli.logs cli.down cli.leave cli.finished cli.fork_server "
             "cli.stopping",
    "mediate": "mediate actors.epochs chain.tokens game.agreement game.mediated auditor.agreement views.agreement "
               "views.agreement_page views.fixed_tokens views.study protocol.agreement studies cli.mediate cli.tokens "
               "cli.agreement_system attacks.token",
    "lab": "simulation.arena simulation.rivals simulation.incentive gym_envs testing scaffold cli.new reference_pages",
    "paranoid": "paranoid",
}  # fmt: skip
"""Modules, and all within them, by the package that they will stand in."""

NAMED = {
    "api": {"lab", "nodes"},
    "auditor.catalogue": {"paranoid"},
    "auditor.second_implementation": {"mediate", "paranoid"},
    "cli.deploy": {"nodes"},
    "cli.keygen": {"nodes"},
    "cli.root": {"nodes"},
    "cli.run": {"nodes"},
    "cli.watch": {"nodes"},
    "game.baselines": {"lab"},
    "game.rounds": {"lab"},
    "loopback": {"nodes"},
}
"""Modules of the core that import another package yet; none is added."""


def package_of(module: str) -> str:
    """The package of a module; empty for the core."""
    name = module.removeprefix(f"{PACKAGE}.")
    for package, modules in PACKAGES.items():
        if any(name == each or name.startswith(f"{each}.") for each in modules.split()):
            return package
    return ""


def named(graph: Mapping[str, Set[str]]) -> dict[str, set[str]]:
    """The packages that modules of the core import, in functions too."""
    found: dict[str, set[str]] = {}
    for module, imported in graph.items():
        others = {package_of(each) for each in imported} - {""}
        if others and not package_of(module):
            found[module.removeprefix(f"{PACKAGE}.")] = others
    return found


def test_the_core_names_the_packages_that_are_listed_and_no_other() -> None:
    assert named(module_graph(ROOT, in_functions=True)) == NAMED


def test_an_import_of_a_package_in_a_function_of_the_core_is_found(tmp_path) -> None:
    planted = {
        "audits.py": "def f():\n    from chain_bandit.auditor.agreement import creates",
        "auditor/agreement.py": "", "nodes/up.py": "import chain_bandit.audits",
    }  # fmt: skip
    for name, text in planted.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert named(module_graph(tmp_path, in_functions=True)) == {"audits": {"mediate"}}
