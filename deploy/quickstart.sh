#!/usr/bin/env bash
# Starts the agent from bin/ with its defaults and prints the first summary
# (start), or stops it (stop). `make run` and `make stop` call it.
set -euo pipefail
cd "$(dirname "$0")/.."
state="${XDG_STATE_HOME:-$HOME/.local/state}/nodemeter"
pidfile="$state/quickstart.pid"
log="$state/quickstart.log"

running() { [ -s "$pidfile" ] && kill -0 "$(cat "$pidfile")" 2>/dev/null && grep -q nodemeterd "/proc/$(cat "$pidfile")/comm" 2>/dev/null; }

start() {
  mkdir -p "$state"
  if running; then
    echo "nodemeterd is already running (pid $(cat "$pidfile"))."
  else
    bin/nodemeterd >"$log" 2>&1 &
    pid=$!
    disown "$pid"
    echo "$pid" >"$pidfile"
    printf 'Taking a dozen samples '
    for _ in $(seq 12); do
      sleep 1
      if ! kill -0 "$pid" 2>/dev/null; then
        printf '\nnodemeterd stopped:\n' >&2
        cat "$log" >&2
        rm -f "$pidfile"
        exit 1
      fi
      printf '.'
    done
    echo
  fi
  bin/nodemeter summary --since 12s
  cat <<TEXT

The agent goes on (pid $(cat "$pidfile"), log $log).
  bin/nodemeter summary     the figures so far
  make stop                 stop it; the open window is sealed
TEXT
}

stop() {
  running || { echo "No agent of 'make run' is running."; return; }
  pid=$(cat "$pidfile")
  kill -TERM "$pid"
  while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
  rm -f "$pidfile"
  tail -n 1 "$log"
}

case "${1:-}" in
  start) start ;;
  stop) stop ;;
  *) echo "usage: $0 start|stop" >&2; exit 2 ;;
esac
