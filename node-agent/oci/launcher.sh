#!/bin/sh
# The binary of the runtime handler `wrapper`. Every call ends in the low-level runtime, untouched: same arguments,
# stdio, descriptors, limits and exit code. Only a container whose bundle mentions schedgate.dev is looked at:
#   create: write down where its bundle is;  start: isolate its CPUs first;  delete: give them back;
#   update: after it, let the isolation follow its CPUs.
# The prefix schedgate_ keeps our variables apart from any that the caller exported.

schedgate_home=${0%/bin/*} schedgate_within=
. "$schedgate_home/lib/settings.sh"

# Words before the command are the runtime's own options; those named here take a value.
schedgate_parse() {
  schedgate_command= schedgate_id= schedgate_bundle=$PWD schedgate_pid_file= schedgate_root= schedgate_log=
  schedgate_log_format=text
  while [ $# -gt 0 ]; do
    case $1 in
      --root | --log | --log-format | --log-level | --criu | --rootless | --cgroup-manager | --bundle | --pid-file | \
        --console-socket | --pidfd-socket | --preserve-fds | --config | -root | -log | -log-format | -bundle | -b)
        schedgate_option "${1#-}" "${2-}"
        [ $# -gt 1 ] && shift
        ;;
      -*=*) schedgate_option "${1%%=*}" "${1#*=}" ;;
      -*) ;;
      *) if [ -z "$schedgate_command" ]; then schedgate_command=$1; else schedgate_id=$1; fi ;;
    esac
    shift
  done
}

schedgate_option() {
  case ${1#-} in
    root | -root) schedgate_root=$2 ;;
    log | -log) schedgate_log=$2 ;;
    log-format | -log-format) schedgate_log_format=$2 ;;
    bundle | -bundle | b) schedgate_bundle=$2 ;;
    pid-file | -pid-file) schedgate_pid_file=$2 ;;
  esac
}

# containerd reads the last object of its --log file, CRI-O and podman read stderr: one line in either case.
schedgate_refuse() {
  schedgate_text=$(printf '%s' "$1" | tr -d '\000-\037"\\')
  if [ -n "$schedgate_log" ] && [ "$schedgate_log_format" = json ]; then
    printf '{"level":"error","msg":"%s","time":"%s"}\n' "$schedgate_text" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >>"$schedgate_log"
  elif [ -n "$schedgate_log" ]; then
    printf 'time="%s" level=error msg="%s"\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$schedgate_text" >>"$schedgate_log"
  fi
  [ -n "$schedgate_log" ] && [ "$schedgate_log_format" = json ] || printf '%s\n' "$schedgate_text" >&2
  exit 1
}

schedgate_unless_allowed() {
  [ "$schedgate_on_failure" = allow ] || schedgate_refuse "$1"
}

# On doubt (no grep, an unreadable bundle) it is mentioned: what acts on it reads the bundle properly.
schedgate_mentioned() {
  grep -qF schedgate.dev "$schedgate_bundle/config.json" 2>/dev/null
  [ $? -ne 1 ]
}

schedgate_create() {
  schedgate_mentioned || return 0
  case $schedgate_bundle in /*) ;; *) schedgate_bundle=$PWD/$schedgate_bundle ;; esac
  case $schedgate_pid_file in '' | /*) ;; *) schedgate_pid_file=$PWD/$schedgate_pid_file ;; esac
  schedgate_write_ask 2>/dev/null || schedgate_unless_allowed "schedgate: cannot write $schedgate_ask"
}

# In a directory that is root's alone: config.json holds the container's environment.
schedgate_write_ask() {
  [ ! -e "$schedgate_ask" ] || rm -rf "$schedgate_ask" || return 1
  mkdir -p "$schedgate_run/asks" && mkdir -m 700 "$schedgate_ask" &&
    { [ ! -e "$schedgate_bundle/config.json" ] || cp "$schedgate_bundle/config.json" "$schedgate_ask/config.json"; } &&
    printf '%s\n' "$schedgate_bundle" "$schedgate_pid_file" "$schedgate_root" >"$schedgate_ask/ask"
}

# What the daemon cannot see from its pod. Without a pid file, nothing: then the companion looks itself.
schedgate_write_process() {
  { read -r schedgate_bundle && read -r schedgate_pid_file; } <"$schedgate_ask/ask" || return 1
  schedgate_pid=
  read -r schedgate_pid <"$schedgate_pid_file"
  [ -n "$schedgate_pid" ] || return 1
  { echo "$schedgate_pid" && cat "/proc/$schedgate_pid/cgroup" "$schedgate_kubelet_state"; } >"$schedgate_ask/process"
  :
}

# By the start time, since another process may have its pid by now; a stopped one would not answer.
schedgate_daemon_runs() {
  [ -p "$schedgate_run/requests" ] && read -r schedgate_pid schedgate_since <"$schedgate_run/daemon" &&
    read -r schedgate_stat <"/proc/$schedgate_pid/stat" || return 1
  set -- ${schedgate_stat##*) }
  case $1 in [TtXZ]) return 1 ;; esac
  shift 19
  [ "$1" = "$schedgate_since" ]
}

# Prints the daemon's answer, within $2 seconds; nothing where it gives none. Opened for both directions, the daemon's
# FIFO never blocks; ours blocks until the daemon opens it, and ends with the daemon.
schedgate_ask_daemon() (
  exec 2>/dev/null
  [ -d "$schedgate_ask" ] || exit 1
  case $schedgate_id in *[!A-Za-z0-9_.+-]*) exit 1 ;; esac
  case $1 in start | update) schedgate_write_process || exit 1 ;; esac
  schedgate_daemon_runs && mkfifo -m 600 "$schedgate_ask/reply-$$" || exit 1
  exec timeout "$2" sh -c 'echo "$1" 1<>"$2" && read -r answer <"$3" && printf "%s\n" "$answer"' sh \
    "$1 $schedgate_id $$ $schedgate_on_failure" "$schedgate_run/requests" "$schedgate_ask/reply-$$"
)

# Its stdio is never the container's.
schedgate_companion() (
  schedgate_within=60
  schedgate_node companion.mjs "$@" </dev/null 2>>"$schedgate_run/companion.log"
)

# Has $1 done by the daemon or else by the companion; fails with the refusal in schedgate_said.
schedgate_act() {
  schedgate_said=$(schedgate_ask_daemon "$@")
  case $schedgate_said in
    ok) return 0 ;;
    'refused '*)
      schedgate_said=${schedgate_said#refused }
      return 1
      ;;
  esac
  rm -f "$schedgate_ask/reply-$$"
  schedgate_said=$(schedgate_companion "$1" "$schedgate_id")
}

schedgate_start() {
  [ -e "$schedgate_ask" ] || return 0
  schedgate_act start 10 && return 0
  schedgate_unless_allowed "${schedgate_said:-schedgate: the companion failed, see $schedgate_run/companion.log}"
}

schedgate_update() {
  [ -e "$schedgate_ask" ] || return 0
  "$schedgate_runc" "$@"
  schedgate_code=$?
  [ "$schedgate_code" -ne 0 ] || schedgate_act update 10
  exit "$schedgate_code"
}

# The container must go away, and soon: containerd gives the clean-up after a dead shim 5 s in all. So this runs beside
# the delete, holds none of its descriptors, and gives the CPUs back once the container's process is gone.
schedgate_delete() {
  [ -e "$schedgate_ask" ] || return 0
  { schedgate_act delete 20; schedgate_sweep; } </dev/null >/dev/null 2>&1 &
}

# Forgets containers whose bundle is gone, and no other; here, since the daemon does not see the bundles.
schedgate_sweep() {
  for schedgate_ask in "$schedgate_run"/asks/*; do
    schedgate_bundle=
    read -r schedgate_bundle <"$schedgate_ask/ask" || read -r schedgate_bundle <"$schedgate_ask"
    [ -z "$schedgate_bundle" ] || [ -e "$schedgate_bundle/config.json" ] || rm -rf "$schedgate_ask"
  done
}

schedgate_parse "$@"
schedgate_ask=$schedgate_run/asks/$schedgate_id
case $schedgate_id in
  '' | */* | .*) ;;
  *)
    case $schedgate_command in
      create) schedgate_create ;;
      start) schedgate_start ;;
      update) schedgate_update "$@" ;;
      delete) schedgate_delete ;;
      run | restore)
        schedgate_mentioned &&
          schedgate_unless_allowed "schedgate: CPUs cannot be isolated before \"$schedgate_command\" runs the container: use create and start"
        ;;
    esac
    ;;
esac
exec "$schedgate_runc" "$@"
