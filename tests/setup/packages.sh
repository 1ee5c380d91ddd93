#!/bin/sh
# packages.sh GROUP…: installs the packages of these groups of packages.txt that are missing, as root or with
# sudo. Where it may not, it prints the one line that would and fails. Silent and instant when none is missing.
set -eu
list="$(dirname "$0")/packages.txt"
wanted="$(awk -v groups=" $* " 'index(groups, " " $1 " ") { print $2 }' "$list")"

missing=""
for package in $wanted; do
  case "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" in
    installed) ;;
    *) missing="$missing $package" ;;
  esac
done
test -n "$missing" || exit 0

line="apt-get update && apt-get install -y --no-install-recommends$missing"
if [ "$(id -u)" = 0 ]; then
  as_root=""
elif command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
  as_root="sudo"
else
  echo "packages are missing; as root: $line" >&2
  exit 1
fi
echo "installing$missing"
$as_root env DEBIAN_FRONTEND=noninteractive sh -c "$line" </dev/null
