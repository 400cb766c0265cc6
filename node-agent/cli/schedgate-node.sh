#!/bin/sh
# `schedgate-node status|reconcile|restore|doctor`, for a person on the node; settings are the launcher's.

schedgate_home=${0%/bin/*} schedgate_within=
. "$schedgate_home/lib/settings.sh"
schedgate_node node.mjs "$@"
