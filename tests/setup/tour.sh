#!/bin/sh
# tour.sh SBX: what the dev sandbox shows and hides, as commands with their results. `make run` prints it where
# there is no terminal for a shell. The command lines are the README's.
set -eu
sbx="$1"

# The exit status is part of what is shown, so that no step ends the tour.
step() {
  printf '\n# %s\n' "$1"
  shift
  printf '$ sbx'
  for word; do
    case "$word" in
      *[!A-Za-z0-9_./=:@~-]*) printf " '%s'" "$word" ;;
      *) printf ' %s' "$word" ;;
    esac
  done
  printf '\n'
  { status=0; "$sbx" "$@" </dev/null 2>&1 || status=$?; echo "exit status $status"; } | sed 's/^/  /'
}

step "Who am I, and what else runs here?" --profile dev -- sh -c 'id -un; ps -e -o pid,args'
step "The project is writable, the home is private" --profile dev -- \
  sh -c 'touch sbx-tour && rm sbx-tour && echo the project: writable; ls -A ~'
step "Secrets are out of sight" --profile dev -- sh -c 'cat /etc/shadow; ls ~/.ssh'
step "There is no network unless asked for" --profile build -- sh -c 'cat /proc/net/dev | sed 1,2d | cut -d: -f1'
step "With one, nothing leaves that no rule allows" --net user --allow github.com:443 -- \
  bash -c '(exec 3<>/dev/tcp/192.0.2.1/80) 2>/dev/null || echo denied'
step "No privilege can be gained" --profile dev -- sh -c 'grep -E "NoNewPrivs|CapEff|Seccomp:" /proc/self/status'
step "A command's exit status is its own" --profile dev -- sh -c 'exit 7'
step "What will be done can be read before" --profile base --dry-run -- true
