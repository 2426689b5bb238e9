"""The servers, in the order of a round: those that are compared most are next to each other."""

from __future__ import annotations

from benchmarks.peers.servers.base import Peer
from benchmarks.peers.servers.baseline import Baseline
from benchmarks.peers.servers.bentoml import BentoML
from benchmarks.peers.servers.litserve import LitServe
from benchmarks.peers.servers.mosec import Mosec
from benchmarks.peers.servers.naive import Naive
from benchmarks.peers.servers.ours import Ours, OursTwoWorkers
from benchmarks.peers.servers.ray_serve import RayServe
from benchmarks.peers.servers.triton import Triton

ALL: tuple[type[Peer], ...] = (
    OursTwoWorkers,
    Ours,
    Triton,
    Mosec,
    Baseline,
    LitServe,
    BentoML,
    RayServe,
    Naive,
)
BY_KEY = {peer.key: peer for peer in ALL}
QUICK = ("ours", "ours-2", "triton", "baseline")
