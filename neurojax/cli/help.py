"""Help by example."""

GENERAL = """\
neurojax: batched, differentiable simulation of neural dynamics

  neurojax run kuramoto coupling=2 noise=0.3         one run, its records as a table
  neurojax run hopfield patterns=digits rule=Storkey  a memory recalls a damaged pattern
  neurojax train force target='Triangle(600)'        a chaotic network learns a target, and runs on by itself
  neurojax sweep kuramoto                            a phase diagram: coupling x noise x seeds
  neurojax resume runs/kuramoto-1.zarr               finish what a store still lacks
  neurojax figures runs/kuramoto-1.zarr              draw what a sweep holds
  neurojax export runs/kuramoto-1.zarr phase.nc      as netCDF or CSV
  neurojax info runs/kuramoto-1.zarr                 what is in it, how far it is, who computed it
  neurojax list                                      models, measures, records, graphs and all else by name

Your own model takes the place of `kuramoto` as my.py:Model or package.module:Model.
`neurojax run --help`, `neurojax run kuramoto --help` say more."""

RUN = """\
neurojax run MODEL [NAME=VALUE ...]: one run

  neurojax run kuramoto                                            the example
  neurojax run kuramoto n=500 coupling=2 duration=50 dt=0.05       parameters and settings by name
  neurojax run kuramoto 'frequencies=Lorentzian(scale=0.5)'        values are expressions; see `neurojax list`
  neurojax run kuramoto frequencies.scale=0.5                      a part of a parameter
  neurojax run kuramoto 'graph=WattsStrogatz(k=6, p=0.1)'          a random graph;
  neurojax run kuramoto 'graph=read_graph("edges.csv")'            one from a file;
  neurojax run kuramoto 'graph=networkx("karate_club_graph")'      one from networkx
  neurojax run kuramoto 'record.r=Trace(order_parameter, every=10)' out=run.nc figure=run.png
  neurojax run kuramoto save=state.npz                             and then
  neurojax run kuramoto state=state.npz                            continue it
  neurojax run hopfield 'patterns=letters("ABC")' cue.share=0.2    a memory: letters, digits, random, a text grid, a picture, .npy
  neurojax run hopfield patterns=digits rule=PseudoInverse 'cue=Occlusion(0.5, which=3)'
  neurojax run hopfield n=500 load=0.1 'dynamics=[Asynchronous(), Glauber(0.3)]'
  neurojax run my.py:Model tau=5                                   your own model

  --cfg           print the composed configuration, run nothing
  --config FILE   a YAML file of overrides, such as the .config.yaml beside an output

Settings: dt duration steps method seed record.NAME state save out figure options.NAME
A parameter of the same name as a setting is model.NAME. NAME=null takes a record away."""

TRAIN = """\
neurojax train MODEL [NAME=VALUE ...]: a network learns, then runs on with its weights held

  neurojax train force                                             the example: FORCE, four sines
  neurojax train force 'target=Triangle(600)' gain=1.3 n=500       target and parameters by name
  neurojax train force 'rule=RLS(alpha=0.01)' learn=7200 test=2400
  neurojax train force 'network=feedback_network(500, GeneratorAndFeedback(p_fg=1, g_gg=1.3))'
  neurojax train force figure=training.png out=training.nc save=trained.npz
  neurojax run force state=trained.npz learning=False duration=6000   and it runs on
  neurojax sweep force 'over.network.gain=linspace(1, 1.8, 9)'     which gains succeed

  --cfg           print the composed configuration, run nothing
  --config FILE   a YAML file of overrides, such as the .config.yaml beside an output

Settings: learn test dt seed record.NAME state save out figure options.NAME
Targets: `neurojax list signals`. What is recorded of the target and the output is compared in the test: up to drift, in its first
period, and as it is."""

SWEEP = """\
neurojax sweep MODEL [NAME=VALUE ...]: a grid of runs, kept in a store

  neurojax sweep kuramoto                                          the example: a phase diagram
  neurojax sweep kuramoto noise=0.2                                along coupling only
  neurojax sweep kuramoto 'over.coupling=linspace(0, 4, 24)' 'over.noise=[0, 0.5, 1]' seeds=4
  neurojax sweep kuramoto 'over.walk=zip(coupling=[1, 2], noise=[0.1, 0.2])'
  neurojax sweep kuramoto 'over.box=latin_hypercube({"coupling": (0, 4), "noise": (0.01, 1)}, 200)'
  neurojax sweep kuramoto 'graph=WattsStrogatz(k=6, p=0)' 'over.graph.p=[0, 0.1, 1]'
  neurojax sweep kuramoto 'over.n=[100, 1000]' 'over.dt=[0.1, 0.05]'
  neurojax sweep hopfield 'over.load=linspace(0.02, 0.3, 15)' 'over.rule=[Hebb(), Storkey()]'
  neurojax sweep kuramoto store=runs/phase.zarr figure=phase.png options.rng=independent cpus=2
  neurojax sweep my.py:Model 'over.tau=geomspace(1, 100, 16)' 'record.m=Mean(state)'

  --explain       say what it would do and need, run nothing
  --cfg           print the composed configuration, run nothing
  --config FILE   a YAML file of overrides, such as the .config.yaml beside a store

  --retry diverged   compute diverged lanes of the store again

Settings: over.NAME seeds dt duration steps method record.NAME state store shard figure cpus options.NAME
Killed, or stopped with Ctrl-C: `neurojax resume STORE`, or the same command, does the rest. More seeds or values on an axis of the same
store: only what it lacks is computed. Several processes share a store with shard=0/4 ... shard=3/4. Axes that you name replace the
example's."""

RESUME = """\
neurojax resume STORE [shard=I/N] [cpus=K] [figure=FILE]: finish what a store still lacks

  neurojax resume runs/kuramoto-1.zarr
  neurojax resume runs/kuramoto-1.zarr --retry diverged            compute diverged lanes again, too
  neurojax resume runs/kuramoto-1.zarr shard=2/8                   one of eight processes that share the work

Damaged or deleted chunks are computed again. A store that a script made is built again from its description, if its model and
functions can be imported."""

EXPORT = """\
neurojax export STORE FILE: a sweep as netCDF (.nc) or CSV (.csv)

  neurojax export runs/kuramoto-1.zarr phase.nc
  neurojax export runs/kuramoto-1.zarr phase.csv                   one line per lane, records of one number only"""

FIGURES = """\
neurojax figures STORE [out=FOLDER]: draw what suits a sweep, whole or still being written

  neurojax figures runs/kuramoto-1.zarr
  neurojax figures runs/kuramoto-1.zarr out=figures"""

INFO = """\
neurojax info STORE: axes, seeds, how far it is, records, provenance, size

  neurojax info runs/kuramoto-1.zarr"""

LIST = """\
neurojax list [KIND]: what there is, by name

  neurojax list
  neurojax list measures"""
