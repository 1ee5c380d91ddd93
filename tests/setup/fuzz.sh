#!/bin/sh
# fuzz.sh SECONDS: builds the fuzz targets with clang and runs each for SECONDS from its corpus.
set -eu
cmake -G Ninja -B build-fuzz -DSBX_FUZZ=ON -DCMAKE_CXX_COMPILER=clang++-19 >/dev/null
cmake --build build-fuzz --target fuzz
for target in build-fuzz/tests/fuzz/fuzz_*; do
  [ -x "$target" ] && [ -f "$target" ] || continue
  name="$(basename "$target")"
  found="build-fuzz/corpus/$name" seeds="tests/fuzz/corpus/${name#fuzz_}"
  mkdir -p "$found"
  echo "== $name, $1 s"
  "$target" -max_total_time="$1" -timeout=10 -print_final_stats=1 "$found" $([ -d "$seeds" ] && echo "$seeds")
done
