#!/bin/sh
# The OCI hook of hooks.d files: `hook.sh createRuntime` and `hook.sh poststop`, the container's state on stdin.
# It ends by itself before the runtime's time-out for hooks, which knows no `allow`.

schedgate_home=${0%/bin/*} schedgate_within=
. "$schedgate_home/lib/settings.sh"

schedgate_within=$schedgate_companion_seconds
# The companion itself lets start where that is allowed: one that fails has not come so far.
(schedgate_node companion.mjs "$1") && exit 0
schedgate_code=$?
# A refusal has been said by the companion, on the stderr that is the runtime's.
[ "$schedgate_code" -eq 1 ] || schedgate_unsaid "$schedgate_code" >&2
[ "$1" = createRuntime ] && [ "$schedgate_on_failure" = allow ] || exit 1
# Only the companion can read which container it is.
schedgate_note_failure unknown "$(schedgate_unsaid "$schedgate_code")"
exit 0
