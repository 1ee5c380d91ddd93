#!/bin/sh
# with_cgroup.sh UID GID COMMAND…: as root, runs COMMAND in a control group (version 2) that is delegated to UID, a
# directory below our own, seen at /sys/fs/cgroup as on a machine without version 1. The mount is in a mount namespace of
# ours, the directory is removed afterwards, and nothing else is touched. Where this cannot be had COMMAND runs without,
# and the tests that need it skip.
set -eu
uid="$1" gid="$2" view=/sys/fs/cgroup
if [ "${SBX_TEST_VIEW:-}" != "$$" ]; then
  unshare --mount true 2>/dev/null || { shift 2 && exec "$@"; }
  SBX_TEST_VIEW=$$ exec unshare --mount --propagation private "$0" "$@"
fi
shift 2
[ "$(stat -f -c %T "$view" 2>/dev/null)" = cgroup2fs ] || mount -t cgroup2 none "$view" 2>/dev/null || exec "$@"
own="$(sed -n 's/^0:://p' /proc/self/cgroup)"
directory="$view${own%/}/sbx-test.$$"
mkdir "$directory" 2>/dev/null || exec "$@"

# What a test was killed in the middle of is ended.
remove() {
  echo 1 >"$directory/cgroup.kill" || true
  for attempt in 1 2 3 4 5 6 7 8 9 10; do
    find "$directory" -depth -type d -exec rmdir {} + 2>/dev/null || true  # what has just ended may be on its way out
    [ -d "$directory" ] || return 0
    sleep 0.2
  done
  echo "with_cgroup.sh: $directory is left behind" >&2
}
trap remove EXIT
trap 'exit 130' INT TERM HUP
chown "$uid:$gid" "$directory" "$directory/cgroup.procs" "$directory/cgroup.threads" "$directory/cgroup.subtree_control"
status=0
sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$directory" "$@" || status=$?
exit "$status"
