#!/bin/bash
# Independent processes: task i of n computes the i-th part of the store's chunks. Any of them may fail and be submitted again.
#   sbatch --array=0-15 experiments/scaling/slurm_array.sh runs/phase.zarr
#SBATCH --job-name=phase
#SBATCH --cpus-per-task=4
#SBATCH --time=24:00:00
#SBATCH --signal=TERM@120
set -eu
store=$1
srun neurojax sweep kuramoto over.coupling='linspace(0, 4, 400)' over.noise='linspace(0, 2, 200)' seeds=64 \
    store="$store" figure=null shard="$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT"
