# lib.sh: what the tests share; each starts with ". /opt/sbx/lib.sh". Everything tried is printed with its output,
# which ctest shows of a test that failed.

# try COMMAND…: runs it; its output, both streams, is then in $out and its exit status in $status.
try() {
  echo "\$ $*"
  status=0
  out="$("$@" 2>&1)" || status=$?
  [ -z "$out" ] || printf '%s\n' "$out"
  [ "$status" = 0 ] || echo "(exit status $status)"
}

# ended STATUS [PATTERN…]: what the last try came to; each PATTERN (extended regular expression) is in its output.
ended() {
  [ "$status" = "$1" ] || fail "exit status $status instead of $1"
  shift
  for pattern; do
    printf '%s\n' "$out" | grep -Eq -- "$pattern" || fail "no line of the output is like: $pattern"
  done
}

fail() {
  echo "FAILED: $*"
  exit 1
}

# wait_for COMMAND…: until it succeeds, for a minute at most.
wait_for() {
  for _ in $(seq 300); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.2
  done
  fail "waited in vain for: $*"
}
