#!/bin/sh
# The OCI hook of hooks.d files: `hook.sh createRuntime` and `hook.sh poststop`, the container's state on stdin.
# Done by the daemon, or else by the companion, as a launcher's calls are.
# It ends by itself before the runtime's time-out for hooks, which knows no `allow`.

schedgate_home=${0%/bin/*} schedgate_within=
. "$schedgate_home/lib/settings.sh"
. "$schedgate_home/lib/asking.sh"
schedgate_state=$(cat)

# What follows the first "$1": in the state. The runtimes write the annotations, whose names a pod chooses, last; where
# one does not, or a value is escaped, the daemon sees that its JSON says something else, and the companion reads it.
schedgate_find() {
  schedgate_found=${schedgate_state#*"\"$1\":"}
  [ "$schedgate_found" != "$schedgate_state" ] || schedgate_found=
  schedgate_found=${schedgate_found#"${schedgate_found%%[! ]*}"}
  schedgate_found=${schedgate_found#\"}
  schedgate_found=${schedgate_found%%[,\"\}]*}
}

schedgate_find id
schedgate_id=$schedgate_found
schedgate_ask=$schedgate_run/asks/$schedgate_id
case $schedgate_id in '' | */* | .*) schedgate_id=unknown ;; esac

# A launcher's note stays, where it is of this bundle.
schedgate_note_state() {
  schedgate_find pid
  schedgate_pid=$schedgate_found
  schedgate_find bundle
  schedgate_bundle=$schedgate_found
  case $schedgate_pid in '' | *[!0-9]*) return 1 ;; esac
  mkdir -p -m 700 "$schedgate_ask" && printf '%s\n' "$schedgate_state" >"$schedgate_ask/state" &&
    echo "$schedgate_pid" >"$schedgate_ask/pid" || return 1
  read -r schedgate_noted <"$schedgate_ask/ask" && [ "$schedgate_noted" = "$schedgate_bundle" ] ||
    printf '%s\n' "$schedgate_bundle" "$schedgate_ask/pid" '' >"$schedgate_ask/ask" || return 1
  schedgate_note_bundle
} 2>/dev/null

# Whether the daemon did it.
schedgate_served() {
  [ "$schedgate_id" != unknown ] || return 1
  case $1 in
    createRuntime) schedgate_note_state && schedgate_ask_daemon start 10 ;;
    poststop) schedgate_ask_daemon delete 10 ;;
    *) return 1 ;;
  esac
}

if schedgate_served "$1"; then
  [ "$1" != poststop ] || schedgate_sweep 2>/dev/null
  exit 0
fi
schedgate_within=$schedgate_companion_seconds
# The companion itself lets start where that is allowed: one that fails has not come so far.
printf '%s' "$schedgate_state" | (schedgate_node companion.mjs "$1") && exit 0
schedgate_code=$?
# A refusal has been said by the companion, on the stderr that is the runtime's.
[ "$schedgate_code" -eq 1 ] || schedgate_unsaid "$schedgate_code" >&2
[ "$1" = createRuntime ] && [ "$schedgate_on_failure" = allow ] || exit 1
schedgate_note_failure "$schedgate_id" "$(schedgate_unsaid "$schedgate_code")"
exit 0
