"""A sweep in a process of its own: `python -m tests.sweep.study STORE [--seeds 6 ...]`."""

import argparse

import numpy as np

import neurojax as nj


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("store")
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--points", type=int, default=8)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--lanes", type=int, default=4)
    parser.add_argument("--devices", type=int, default=1)
    parser.add_argument("--shard", type=int, nargs=2)
    parser.add_argument("--join", nargs=3, metavar=("ADDRESS", "COUNT", "NUMBER"), help="processes of one jax.distributed program")
    given = parser.parse_args()
    nj.use_cpus(given.devices) if not given.join else joined(given)
    options = nj.SweepOptions(lanes=given.lanes, shard=tuple(given.shard) if given.shard else None, progress=False)
    data = nj.sweep(
        nj.Kuramoto(40, noise=0.2, frequencies=nj.Normal(1.0)),
        {"coupling": np.linspace(0, 4, given.points), "noise": [0.1, 0.5]},
        seeds=given.seeds,
        steps=given.steps,
        dt=0.05,
        record={"r": nj.Mean(nj.order_parameter), "trace": nj.Trace(nj.order_parameter, every=50)},
        store=given.store,
        options=options,
    )
    print("done", int((data.status == 1).sum()), flush=True)


def joined(given: argparse.Namespace) -> None:
    """This process as one of several that make one program."""
    import jax

    address, count, number = given.join
    jax.config.update("jax_num_cpu_devices", given.devices)
    jax.distributed.initialize(address, int(count), int(number))
    assert len(jax.devices()) == int(count) * given.devices


if __name__ == "__main__":
    main()
