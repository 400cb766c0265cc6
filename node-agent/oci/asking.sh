# Sourced by launcher.sh and hook.sh for a container that may ask, with schedgate_id, schedgate_ask and schedgate_bundle set:
# its notes in $schedgate_ask, a directory that is root's alone since config.json holds the container's environment, and
# the way to the daemon, which sees of a container what is noted there and nothing else.

# Both named, since a directory made on the way has the caller's umask, which may be 0.
schedgate_make_ask() {
  mkdir -p -m 700 "$schedgate_run/asks" "$schedgate_ask"
}

# Without this copy the companion is asked.
schedgate_note_bundle() {
  cp "$schedgate_bundle/config.json" "$schedgate_ask/config.json" || rm -f "$schedgate_ask/config.json"
}

# The tools run in the locale C, which they need not load: a millisecond in all.

# Of process $schedgate_pid, what the daemon does not see from its pod.
schedgate_note_process() {
  [ -n "$schedgate_pid" ] || return 1
  set -- "/proc/$schedgate_pid/cgroup"
  [ ! -e "$schedgate_kubelet_state" ] || set -- "$@" "$schedgate_kubelet_state"
  { echo "$schedgate_pid" && LC_ALL=C cat "$@"; } >"$schedgate_ask/process" &&
    { [ ! -e "$schedgate_static_pods" ] || LC_ALL=C cat "$schedgate_static_pods"; } >"$schedgate_ask/static-pods" && return 0
  rm -f "$schedgate_ask/process" "$schedgate_ask/static-pods"
  return 1
}

# By the start time, since another process may have its pid by now; a stopped one would not answer.
schedgate_daemon_runs() {
  [ -p "$schedgate_run/requests" ] && read -r schedgate_daemon schedgate_since <"$schedgate_run/daemon" &&
    read -r schedgate_stat <"/proc/$schedgate_daemon/stat" || return 1
  set -- ${schedgate_stat##*) }
  case $1 in [TtXZ]) return 1 ;; esac
  shift 19
  [ "$1" = "$schedgate_since" ]
}

# As isolation/owner.ts has it.
schedgate_is_id() {
  case $schedgate_id in '' | [!A-Za-z0-9]* | *[!A-Za-z0-9_.+-]*) return 1 ;; esac
  [ ${#schedgate_id} -le 128 ]
}

# Whether the daemon did it, within $2 seconds. Opened for both directions, its FIFO does not wait for it. It works while
# we get ready to wait: once it has opened our FIFO, the wait ends with it, however it ends.
schedgate_ask_daemon() {
  schedgate_is_id && [ -e "$schedgate_ask/config.json" ] && schedgate_daemon_runs || return 1
  [ "$1" = delete ] || schedgate_note_process || return 1
  echo "$1 $schedgate_id $$" 1<>"$schedgate_run/requests" && LC_ALL=C mkfifo -m 600 "$schedgate_ask/reply-$$" || return 1
  [ "$(LC_ALL=C timeout "$2" head -n 1 "$schedgate_ask/reply-$$")" != ok ] || return 0
  rm -f "$schedgate_ask/reply-$$"
  return 1
} 2>/dev/null

# Forgets containers whose bundle is gone, and no other; here, since the daemon does not see the bundles. A note that
# does not name its bundle is of a create that is going on, or was killed long ago.
schedgate_sweep() {
  for schedgate_ask in "$schedgate_run"/asks/*; do
    schedgate_bundle=
    read -r schedgate_bundle <"$schedgate_ask/ask"
    if [ -z "$schedgate_bundle" ]; then
      find "$schedgate_ask" -prune -mmin +10 -exec rm -rf {} +
    elif [ ! -e "$schedgate_bundle/config.json" ]; then
      rm -rf "$schedgate_ask"
    fi
  done
}
