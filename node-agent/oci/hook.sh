#!/bin/sh
# The OCI hook of hooks.d files: `hook.sh createRuntime` and `hook.sh poststop`, the container's state on stdin.

schedgate_home=${0%/bin/*} schedgate_within=
. "$schedgate_home/lib/settings.sh"
schedgate_node companion.mjs "$1"
