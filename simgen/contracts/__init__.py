"""What plug-ins must hold: `check_scene`, `check_renderer` and `check_effect`.

Each runs a component on small inputs and raises `ContractError`, which names the rule
that is broken and the likely fault. Formats have `simgen.formats.contract`.
"""

from simgen.contracts.effect import check_effect
from simgen.contracts.purity import ContractError
from simgen.contracts.renderer import check_renderer
from simgen.contracts.scene import check_scene

__all__ = ["ContractError", "check_effect", "check_renderer", "check_scene"]
