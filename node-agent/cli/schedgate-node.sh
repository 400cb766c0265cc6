#!/bin/sh
# `schedgate-node status|reconcile|restore|doctor`, for a person on the node; settings are the launcher's.

schedgate_home=${0%/bin/*}
schedgate_run=/run/schedgate
schedgate_runc=runc
schedgate_on_failure=deny
schedgate_cgroup_root=/sys/fs/cgroup
schedgate_kubelet_state=/var/lib/kubelet/cpu_manager_state
schedgate_static_pods=/etc/schedgate/static-pods
schedgate_libraries=
[ -r "$schedgate_home/etc/launcher.conf" ] && . "$schedgate_home/etc/launcher.conf"

SCHEDGATE_RUN_DIR=$schedgate_run SCHEDGATE_RUNC=$schedgate_runc ON_FAILURE=$schedgate_on_failure
SCHEDGATE_CGROUP_ROOT=$schedgate_cgroup_root SCHEDGATE_KUBELET_STATE=$schedgate_kubelet_state
export SCHEDGATE_STATIC_PODS="$schedgate_static_pods"
[ -z "$schedgate_libraries" ] || export LD_LIBRARY_PATH="$schedgate_libraries"
export SCHEDGATE_RUN_DIR SCHEDGATE_RUNC ON_FAILURE SCHEDGATE_CGROUP_ROOT SCHEDGATE_KUBELET_STATE
exec "$schedgate_home/bin/node" "$schedgate_home/lib/node.mjs" "$@"
