/** The runtime handler that RuntimeClass `wrapper` names. */
export const HANDLER = "wrapper";

/** Where the node side lives on the host. */
export const HOME = "/opt/schedgate";
export const LAUNCHER = `${HOME}/bin/launcher.sh`;
export const HOOK = `${HOME}/bin/hook.sh`;

/** After so long the runtime kills the hook and fails the create; hook.sh ends before that, since it knows `allow`. */
export const HOOK_SECONDS = 100;
