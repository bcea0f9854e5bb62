#!/bin/bash
# One program on several hosts: jax.distributed finds the others through SLURM, and all devices make one mesh.
#   sbatch --nodes=4 experiments/scaling/slurm_distributed.sh experiments/scaling/distributed.py runs/phase.zarr
#SBATCH --job-name=phase
#SBATCH --ntasks-per-node=1
#SBATCH --time=24:00:00
#SBATCH --signal=TERM@120
set -eu
srun python "$@"
