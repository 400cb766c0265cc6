#!/bin/sh
# The binary of the runtime handler `wrapper`. Every call ends in the low-level runtime, untouched: same arguments,
# stdio, descriptors, limits and exit code. Only a container whose bundle mentions schedgate.dev is looked at:
#   create: write down where its bundle is;  start: isolate its CPUs first;  delete: give them back.
# The prefix schedgate_ keeps our variables apart from any that the caller exported.

schedgate_home=${0%/bin/*}
schedgate_run=/run/schedgate
schedgate_runc=runc
schedgate_on_failure=deny
schedgate_cgroup_root=/sys/fs/cgroup
schedgate_kubelet_state=/var/lib/kubelet/cpu_manager_state
schedgate_static_pods=/etc/schedgate/static-pods
schedgate_libraries=
[ -r "$schedgate_home/etc/launcher.conf" ] && . "$schedgate_home/etc/launcher.conf"

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

# The companion's stdio is never the container's; Node's own variables of the caller must not reach it.
schedgate_companion() (
  unset NODE_OPTIONS NODE_PATH NODE_EXTRA_CA_CERTS NODE_V8_COVERAGE NODE_DEBUG NODE_REPL_EXTERNAL_MODULE
  PATH=${PATH:+$PATH:}/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
  SCHEDGATE_RUN_DIR=$schedgate_run SCHEDGATE_RUNC=$schedgate_runc ON_FAILURE=$schedgate_on_failure
  SCHEDGATE_CGROUP_ROOT=$schedgate_cgroup_root SCHEDGATE_KUBELET_STATE=$schedgate_kubelet_state
  export SCHEDGATE_STATIC_PODS="$schedgate_static_pods"
  [ -z "$schedgate_libraries" ] || export LD_LIBRARY_PATH="$schedgate_libraries"
  export PATH SCHEDGATE_RUN_DIR SCHEDGATE_RUNC ON_FAILURE SCHEDGATE_CGROUP_ROOT SCHEDGATE_KUBELET_STATE
  exec "$schedgate_home/bin/node" "$schedgate_home/lib/companion.mjs" "$@" </dev/null 2>>"$schedgate_run/companion.log"
)

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

# On doubt (no grep, an unreadable bundle) it is mentioned: the companion reads the bundle properly.
schedgate_mentioned() {
  grep -qF schedgate.dev "$schedgate_bundle/config.json" 2>/dev/null
  [ $? -ne 1 ]
}

schedgate_create() {
  schedgate_mentioned || return 0
  case $schedgate_bundle in /*) ;; *) schedgate_bundle=$PWD/$schedgate_bundle ;; esac
  case $schedgate_pid_file in '' | /*) ;; *) schedgate_pid_file=$PWD/$schedgate_pid_file ;; esac
  { mkdir -p "$schedgate_run/asks" && printf '%s\n' "$schedgate_bundle" "$schedgate_pid_file" "$schedgate_root" \
    >"$schedgate_run/asks/$schedgate_id"; } 2>/dev/null ||
    schedgate_unless_allowed "schedgate: cannot write $schedgate_run/asks/$schedgate_id"
}

schedgate_start() {
  [ -e "$schedgate_run/asks/$schedgate_id" ] || return 0
  schedgate_said=$(schedgate_companion start "$schedgate_id") && return 0
  schedgate_unless_allowed "${schedgate_said:-schedgate: the companion failed, see $schedgate_run/companion.log}"
}

# The container must go away, and soon: containerd gives the clean-up after a dead shim 5 s in all. So the companion runs
# beside the delete, holds none of its descriptors, and gives the CPUs back once the container's process is gone.
schedgate_delete() {
  [ -e "$schedgate_run/asks/$schedgate_id" ] || return 0
  schedgate_companion delete "$schedgate_id" >/dev/null &
}

schedgate_parse "$@"
case $schedgate_id in
  '' | */* | .*) ;;
  *)
    case $schedgate_command in
      create) schedgate_create ;;
      start) schedgate_start ;;
      delete) schedgate_delete ;;
      run | restore)
        schedgate_mentioned &&
          schedgate_unless_allowed "schedgate: CPUs cannot be isolated before \"$schedgate_command\" runs the container: use create and start"
        ;;
    esac
    ;;
esac
exec "$schedgate_runc" "$@"
