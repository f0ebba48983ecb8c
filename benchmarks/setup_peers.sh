#!/usr/bin/env bash
# Makes the environments of the toolkits that anyformer is measured against, outside of the project:
#   bash benchmarks/setup_peers.sh            # in $ANYFORMER_BENCH, by default ~/.cache/anyformer-bench
# PYTHON chooses the interpreter (3.11 is what these versions were tried with). About 3 GB, a few minutes.
#
# torch comes first and pinned: left to itself pip takes the newest one, with gigabytes of CUDA. On a machine without a
# GPU let pip find a CPU build of the same version (PIP_EXTRA_INDEX_URL or PIP_FIND_LINKS) before running this.
set -euo pipefail

home="${ANYFORMER_BENCH:-$HOME/.cache/anyformer-bench}"
python="${PYTHON:-python3.11}"
torch="torch==2.13.0"

environment() { # name, packages...
    local name="$1"
    shift
    [ -x "$home/$name/bin/python" ] || "$python" -m venv "$home/$name"
    "$home/$name/bin/pip" install --quiet "$torch"
    "$home/$name/bin/pip" install --quiet "$torch" "$@"
    echo "$name: $home/$name"
}

mkdir -p "$home"
# JoeyNMT imports importlib_metadata without naming it as a requirement.
environment joeynmt "joeynmt==2.3.0" "numpy==2.4.6" "importlib_metadata==10.2.0"
environment peers "ctranslate2==4.8.5" "transformers==5.23.0" "numpy==2.4.6"
