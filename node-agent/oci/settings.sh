# Sourced by the scripts in bin/ with schedgate_home set: the settings, and how our Node programs are run.

schedgate_run=/run/schedgate
schedgate_runc=runc
schedgate_on_failure=deny
schedgate_cgroup_root=/sys/fs/cgroup
schedgate_kubelet_state=/var/lib/kubelet/cpu_manager_state
schedgate_static_pods=/etc/schedgate/static-pods
# How long a companion may take; with the daemon's 10 s less than the timeout of the hooks.d files.
schedgate_companion_seconds=60
schedgate_libraries=
[ -r "$schedgate_home/etc/launcher.conf" ] && . "$schedgate_home/etc/launcher.conf"

# What to tell of a companion that ended with $1 without a word.
schedgate_unsaid() {
  if [ "$1" -eq 137 ]; then
    echo "schedgate: the companion was killed, it has $schedgate_companion_seconds s: see $schedgate_run/companion.log"
  else
    echo "schedgate: the companion failed, see $schedgate_run/companion.log"
  fi
}

# Notes that container $1 starts although nothing was done for it, as the companion does where it can: isolation/failures.ts.
schedgate_note_failure() (
  umask 022
  mkdir -p "$schedgate_run/failures" && printf '%s\n' "${2#schedgate: }" >"$schedgate_run/failures/$1"
) 2>/dev/null

# A runtime may be called with no PATH, or with one of its own.
schedgate_path() {
  PATH=${PATH:+$PATH:}/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
  export PATH
}

# Ends in Node with a program of lib/, killed after schedgate_within seconds where that is set. Node's own variables of
# the caller must not reach it.
schedgate_node() {
  unset NODE_OPTIONS NODE_PATH NODE_EXTRA_CA_CERTS NODE_V8_COVERAGE NODE_DEBUG NODE_REPL_EXTERNAL_MODULE
  schedgate_path
  SCHEDGATE_RUN_DIR=$schedgate_run SCHEDGATE_RUNC=$schedgate_runc ON_FAILURE=$schedgate_on_failure
  SCHEDGATE_CGROUP_ROOT=$schedgate_cgroup_root SCHEDGATE_KUBELET_STATE=$schedgate_kubelet_state
  SCHEDGATE_STATIC_PODS=$schedgate_static_pods
  [ -z "$schedgate_libraries" ] || export LD_LIBRARY_PATH="$schedgate_libraries"
  export SCHEDGATE_RUN_DIR SCHEDGATE_RUNC ON_FAILURE SCHEDGATE_CGROUP_ROOT SCHEDGATE_KUBELET_STATE SCHEDGATE_STATIC_PODS
  schedgate_program=$1
  shift
  exec ${schedgate_within:+timeout -s KILL "$schedgate_within"} "$schedgate_home/bin/node" \
    "$schedgate_home/lib/$schedgate_program" "$@"
}
