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
  schedgate_note 2>/dev/null || schedgate_unless_allowed "schedgate: cannot write $schedgate_ask"
}

# In a directory that is root's alone, since config.json holds the container's environment. That copy is for the daemon,
# which does not see the bundle; without it the companion is asked.
schedgate_note() {
  [ ! -e "$schedgate_ask" ] || rm -rf "$schedgate_ask" || return 1
  mkdir -p -m 700 "$schedgate_ask" &&
    printf '%s\n' "$schedgate_bundle" "$schedgate_pid_file" "$schedgate_root" >"$schedgate_ask/ask" || return 1
  cp "$schedgate_bundle/config.json" "$schedgate_ask/config.json" || rm -f "$schedgate_ask/config.json"
}

# Of the process, what the daemon does not see from its pod. Fails where create gave no pid file.
schedgate_note_process() {
  schedgate_pid=
  { read -r schedgate_bundle && read -r schedgate_pid_file; } <"$schedgate_ask/ask" &&
    [ -n "$schedgate_pid_file" ] || return 1
  read -r schedgate_pid <"$schedgate_pid_file"
  set -- "/proc/$schedgate_pid/cgroup"
  [ ! -e "$schedgate_kubelet_state" ] || set -- "$@" "$schedgate_kubelet_state"
  { echo "$schedgate_pid" && cat "$@"; } >"$schedgate_ask/process" &&
    { [ ! -e "$schedgate_static_pods" ] || cat "$schedgate_static_pods"; } >"$schedgate_ask/static-pods" && return 0
  rm -f "$schedgate_ask/process" "$schedgate_ask/static-pods"
  return 1
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

# Whether the daemon did it, within $2 seconds. Opened for both directions, its FIFO does not wait for it. It works while
# we get ready to wait: once it has opened our FIFO, the wait ends with it, however it ends.
schedgate_ask_daemon() {
  case $schedgate_id in [!A-Za-z0-9]* | *[!A-Za-z0-9_.+-]*) return 1 ;; esac
  [ ${#schedgate_id} -le 128 ] && [ -e "$schedgate_ask/config.json" ] && schedgate_daemon_runs || return 1
  [ "$1" = delete ] || schedgate_note_process || return 1
  echo "$1 $schedgate_id $$" 1<>"$schedgate_run/requests" && mkfifo -m 600 "$schedgate_ask/reply-$$" || return 1
  [ "$(timeout "$2" head -n 1 "$schedgate_ask/reply-$$")" != ok ] || return 0
  rm -f "$schedgate_ask/reply-$$"
  return 1
} 2>/dev/null

# For a subshell, which ends in it; its stdio is never the container's.
schedgate_companion() {
  schedgate_within=$schedgate_companion_seconds
  schedgate_node companion.mjs "$@" </dev/null 2>>"$schedgate_run/companion.log"
}

# Has $1 done by the daemon or else by the companion; fails with the refusal in schedgate_said.
schedgate_act() {
  schedgate_ask_daemon "$@" || schedgate_said=$(schedgate_companion "$1" "$schedgate_id")
}

schedgate_start() {
  [ -e "$schedgate_ask" ] || return 0
  schedgate_act start 10 && return 0
  schedgate_said=${schedgate_said:-$(schedgate_unsaid $?)}
  schedgate_unless_allowed "$schedgate_said"
  schedgate_note_failure "$schedgate_id" "$schedgate_said"
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
