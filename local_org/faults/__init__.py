"""Faults on demand: what goes wrong between an org and its clients, for the requests that are picked for it.

plan.py says which request a fault hits, wire.py spoils the way, content.py what is answered, state.py the org itself; middleware.py
puts them to work, outermost, so that they hit what was already done. Not here: refusals that an org's own settings explain (switches.py).
"""

from local_org.faults.middleware import FaultMiddleware
from local_org.faults.plan import KINDS, Fault, Faults
from local_org.faults.state import Surroundings

__all__ = ["KINDS", "Fault", "FaultMiddleware", "Faults", "Surroundings"]
