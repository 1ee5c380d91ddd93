#!/bin/sh
# rootfs.sh: makes a small Debian root file system that belongs to the account's subordinate ids, once, for the tests
# of --rootfs; prints its directory. Kept outside the project, in ${XDG_CACHE_HOME:-~/.cache}/sbx-rootfs. 77: cannot here.
set -eu
PATH="$PATH:/usr/sbin:/sbin"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/sbx-rootfs"
rootfs="$cache/bookworm-1"
if [ -d "$rootfs" ]; then echo "$rootfs"; exit 0; fi
command -v mmdebstrap >/dev/null || { echo "mmdebstrap is not installed" >&2; exit 77; }
mkdir -p "$cache"
# The way to it is open to the subordinate ids.
for directory in "$HOME" "${XDG_CACHE_HOME:-$HOME/.cache}" "$cache"; do chmod a+x "$directory"; done
exec 9>"$cache/lock"
flock 9
if [ -d "$rootfs" ]; then echo "$rootfs"; exit 0; fi
sources="$(apt-get indextargets --format '$(SITE) $(RELEASE)' 'Created-By: Packages' 'Origin: Debian' 'Component: main' 2>/dev/null |
  sort -u | sed -n 's/^\(.*\) bookworm$/deb \1 bookworm main/p' | head -1)"
part="$cache/part.$$"
echo "${sources:-deb http://deb.debian.org/debian bookworm main}" |
  mmdebstrap --mode=unshare --quiet --variant=apt --aptopt='Acquire::Retries "3"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' bookworm "$part" - >&2 ||
  { unshare --map-root-user --map-auto rm -rf "$part" || true; echo "mmdebstrap failed" >&2; exit 77; }
mv "$part" "$rootfs"
echo "$rootfs"
