#!/bin/sh
# The OCI hook of hooks.d files: `hook.sh createRuntime` and `hook.sh poststop`, the container's state on stdin.
# Done by the daemon, or else by the companion, as a launcher's calls are.
# It ends by itself before the runtime's time-out for hooks, which knows no `allow`.

schedgate_home=${0%/bin/*} schedgate_within=
. "$schedgate_home/lib/settings.sh"
. "$schedgate_home/lib/asking.sh"
schedgate_path
schedgate_state=$(cat)
# Looked at alone: a shell may take minutes to look for a word in all that a pod can annotate.
schedgate_head=$(printf '%.4096s' "$schedgate_state")

# What follows the first "$1": there. The runtimes write the annotations, whose names a pod chooses, last; where one does
# not, or a value is escaped, the daemon sees that its JSON says something else, and the companion reads it.
schedgate_find() {
  schedgate_found=${schedgate_head#*"\"$1\":"}
  [ "$schedgate_found" != "$schedgate_head" ] || schedgate_found=
  schedgate_found=${schedgate_found#"${schedgate_found%%[! ]*}"}
  case $schedgate_found in
    \"*)
      schedgate_found=${schedgate_found#\"}
      schedgate_found=${schedgate_found%%\"*}
      ;;
    *) schedgate_found=${schedgate_found%%[!0-9]*} ;;
  esac
}

schedgate_find id
schedgate_id=$schedgate_found
schedgate_is_id || schedgate_id=unknown
schedgate_ask=$schedgate_run/asks/$schedgate_id

# A note whose bundle is there stays, unless that is ours by whatever path: it may be a launcher's, of this container or,
# where a pod's word was found, of another. Without it a start would go through as one that does not ask.
schedgate_note_state() {
  schedgate_find pid
  schedgate_pid=$schedgate_found
  schedgate_find bundle
  schedgate_bundle=$schedgate_found schedgate_noted=
  [ -n "$schedgate_pid" ] && [ -n "$schedgate_bundle" ] && [ -e "$schedgate_bundle/config.json" ] || return 1
  read -r schedgate_noted <"$schedgate_ask/ask" && [ -e "$schedgate_noted/config.json" ] &&
    [ ! "$schedgate_noted/config.json" -ef "$schedgate_bundle/config.json" ] && return 1
  schedgate_make_ask && printf '%s\n' "$schedgate_state" >"$schedgate_ask/state" &&
    echo "$schedgate_pid" >"$schedgate_ask/pid" || return 1
  [ "$schedgate_noted" = "$schedgate_bundle" ] ||
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

# It lets start itself where that is allowed: one that fails has not come so far.
schedgate_companion() {
  schedgate_within=$schedgate_companion_seconds
  printf '%s' "$schedgate_state" | (schedgate_node companion.mjs "$1")
}

schedgate_served "$1" || schedgate_companion "$1"
schedgate_code=$?
# A refusal has been said by the companion, on the stderr that is the runtime's.
[ "$schedgate_code" -le 1 ] || schedgate_unsaid "$schedgate_code" >&2
if [ "$1" = poststop ]; then
  schedgate_sweep 2>/dev/null
  exit 0 # else runc's delete would fail too (runc#2905)
fi
[ "$schedgate_code" -ne 0 ] || exit 0
[ "$1" = createRuntime ] && [ "$schedgate_on_failure" = allow ] || exit 1
schedgate_note_failure "$schedgate_id" "$(schedgate_unsaid "$schedgate_code")"
exit 0
