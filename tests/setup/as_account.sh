#!/bin/sh
# as_account.sh [--root] COMMAND…: as root, runs COMMAND as the ordinary account sbx-test, in a clean environment
# and in the account's own copy of the project, as a user would in a fresh clone. With --root it runs in that
# copy as root (with SBX_TEST_ACCOUNT set), for what only root may measure.
set -eu
account=sbx-test
project="$(cd "$(dirname "$0")/../.." && pwd -P)"

# An account with subordinate ids; useradd adds the ranges itself where /etc/login.defs says so.
make_account() {
  id "$account" >/dev/null 2>&1 || useradd --create-home --shell /bin/bash "$account"
  for file in /etc/subuid /etc/subgid; do
    grep -qs "^$account:" "$file" && continue
    first="$(awk -F: '$2 + $3 > end { end = $2 + $3 } END { print (end > 100000 ? end : 100000) }' "$file" 2>/dev/null || echo 100000)"
    echo "$account:$first:65536" >>"$file"
  done
}

# As a distribution's udev rules leave them.
open_devices() {
  for device in /dev/net/tun /dev/fuse; do
    [ ! -c "$device" ] || chmod 0666 "$device"
  done
}

# The files git knows or would add (all of them where git is not in use); the copy keeps its build folders.
list_files() {
  git -c safe.directory='*' ls-files -z --cached --others --exclude-standard 2>/dev/null ||
    find . -path './build*' -prune -o -type f -print0 -o -type l -print0
}
make_copy() {
  mkdir -p "$copy"
  find "$copy" -mindepth 1 -maxdepth 1 ! -name 'build*' -exec rm -rf {} +
  (cd "$project" && list_files | xargs -0 sh -c 'for f; do [ ! -e "$f" ] && [ ! -L "$f" ] || printf "%s\0" "$f"; done' sh |
    tar --null --no-recursion -T - -cf -) | tar -xf - -C "$copy" --no-same-owner
  find "$copy" -mindepth 1 -maxdepth 1 ! -name 'build*' -exec chown -Rh "$uid:$gid" {} +
  top="$copy"
  while [ "$top" != "$home" ]; do chown "$uid:$gid" "$top" && top="$(dirname "$top")"; done
}

exec 9>/run/sbx-test.lock
flock 9
make_account
open_devices
uid="$(id -u "$account")" gid="$(id -g "$account")" home="$(getent passwd "$account" | cut -d: -f6)"
copy="$home$project"
runtime="/run/user/$uid"
mkdir -p /run/user
[ -d "$runtime" ] || install -d -m 0700 -o "$uid" -g "$gid" "$runtime"
[ "${1:-}" = --root ] || make_copy
exec 9>&-

cd "$copy"
if [ "$1" = --root ]; then
  shift
  SBX_TEST_ACCOUNT="$account" exec "$@"
fi
exec "$project/tests/setup/with_cgroup.sh" "$uid" "$gid" setpriv --reuid "$uid" --regid "$gid" --init-groups env -i HOME="$home" USER="$account" LOGNAME="$account" \
  SHELL=/bin/bash PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 TERM="${TERM:-dumb}" XDG_RUNTIME_DIR="$runtime" \
  SANITIZE="${SANITIZE:-}" TESTS="${TESTS:-}" FUZZ_SECONDS="${FUZZ_SECONDS:-60}" "$@"
