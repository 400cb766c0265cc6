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
  . "$schedgate_home/lib/asking.sh"
  case $schedgate_bundle in /*) ;; *) schedgate_bundle=$PWD/$schedgate_bundle ;; esac
  case $schedgate_pid_file in '' | /*) ;; *) schedgate_pid_file=$PWD/$schedgate_pid_file ;; esac
  schedgate_note 2>/dev/null || schedgate_unless_allowed "schedgate: cannot write $schedgate_ask"
}

schedgate_note() {
  [ ! -e "$schedgate_ask" ] || rm -rf "$schedgate_ask" || return 1
  schedgate_make_ask &&
    printf '%s\n' "$schedgate_bundle" "$schedgate_pid_file" "$schedgate_root" >"$schedgate_ask/ask" || return 1
  schedgate_note_bundle
}

# Nothing where create gave no pid file.
schedgate_read_pid() {
  schedgate_pid=
  { read -r schedgate_bundle && read -r schedgate_pid_file; } <"$schedgate_ask/ask" &&
    [ -n "$schedgate_pid_file" ] && read -r schedgate_pid <"$schedgate_pid_file"
} 2>/dev/null

# For a subshell, which ends in it; its stdio is never the container's.
schedgate_companion() {
  schedgate_within=$schedgate_companion_seconds
  schedgate_node companion.mjs "$@" </dev/null 2>>"$schedgate_run/companion.log"
}

# Has $1 done by the daemon or else by the companion; fails with the refusal in schedgate_said.
schedgate_act() {
  schedgate_read_pid
  schedgate_ask_daemon "$@" || schedgate_said=$(schedgate_companion "$1" "$schedgate_id")
}

schedgate_start() {
  [ -e "$schedgate_ask" ] || return 0
  . "$schedgate_home/lib/asking.sh"
  schedgate_act start 10 && return 0
  schedgate_said=${schedgate_said:-$(schedgate_unsaid $?)}
  schedgate_unless_allowed "$schedgate_said"
  schedgate_note_failure "$schedgate_id" "$schedgate_said"
}

schedgate_update() {
  [ -e "$schedgate_ask" ] || return 0
  . "$schedgate_home/lib/asking.sh"
  "$schedgate_runc" "$@"
  schedgate_code=$?
  [ "$schedgate_code" -ne 0 ] || schedgate_act update 10
  exit "$schedgate_code"
}

# The container must go away, and soon: containerd gives the clean-up after a dead shim 5 s in all. So this runs beside
# the delete, holds none of its descriptors, and gives the CPUs back once the container's process is gone.
schedgate_delete() {
  [ -e "$schedgate_ask" ] || return 0
  . "$schedgate_home/lib/asking.sh"
  { schedgate_act delete 20; schedgate_sweep; } </dev/null >/dev/null 2>&1 &
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
