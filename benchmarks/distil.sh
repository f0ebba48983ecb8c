#!/usr/bin/env bash
# BLEU of Multi30k EN-DE by sequence-level distillation (Kim and Rush 2016, section 3.2), from several teachers of the student's own size:
# three runs of multi30k-en-de-muon translate the training sentences, and students learn from the references and from these translations.
# Chosen on the validation pairs: BLEU 43.4 where the recipe alone has 41.9 (seed 0; two of the teachers were of an earlier recipe, see docs/training.md).
# The test pairs are used by the last command only, and to leave out training pairs that are among them (there are none).
#
#     ANYFORMER_DATA=DATA bash benchmarks/distil.sh FOLDER            three teachers, three students, and the students' test scores
#     ANYFORMER_DATA=DATA bash benchmarks/distil.sh FOLDER 0          the student of seed 0 only
#
# DATA holds multi30k/train.en, train.de, val.en, val.de, test_2016_flickr.en, test_2016_flickr.de. Called again, it goes on where it was stopped.
set -euo pipefail

out=${1:?the folder to work in}
seeds=${2:-0 1 2}
data=${ANYFORMER_DATA:?the folder that holds multi30k/}/multi30k
mkdir -p "$out"

texts() { echo "{kind: TextFiles, source: $data/$1.en, target: $data/$1.de}"; }

for teacher in 0 1 2; do
    anyformer train multi30k-en-de-muon --resume auto --out "$out/teacher-$teacher" train.seed=$teacher
    if [ ! -f "$out/$teacher.de" ]; then
        anyformer translate "$out/teacher-$teacher" --beam 5 --precision bf16 --batch-size 64 --input "$data/train.en" --output "$out/part.de"
        mv "$out/part.de" "$out/$teacher.de"
    fi
done
cat "$data/train.en" "$data/train.en" "$data/train.en" "$data/train.en" > "$out/train.en"
cat "$data/train.de" "$out/0.de" "$out/1.de" "$out/2.de" > "$out/train.de"

for seed in $seeds; do
    anyformer train multi30k-en-de-muon --resume auto --out "$out/student-$seed" train.seed="$seed" train.max_steps=6000 \
        "data.corpus={kind: TextFiles, source: $out/train.en, target: $out/train.de}" \
        "data.validation=$(texts val)" "data.test=$(texts test_2016_flickr)"
    anyformer evaluate "$out/student-$seed" --split test
done
