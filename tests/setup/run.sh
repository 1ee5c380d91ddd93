#!/bin/sh
# run.sh SBX: a shell in the dev sandbox; without a terminal the tour instead.
set -eu
sbx="$(cd "$(dirname "$1")" && pwd)/$(basename "$1")"
if [ -t 0 ] && [ -t 1 ]; then
  exec "$sbx" --profile dev -- bash
fi
exec "$(dirname "$0")/tour.sh" "$sbx"
