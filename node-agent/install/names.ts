/** The runtime handler that RuntimeClass `wrapper` names. */
export const HANDLER = "wrapper";

/** Where the node side lives on the host. */
export const HOME = "/opt/schedgate";
export const LAUNCHER = `${HOME}/bin/launcher.sh`;
export const HOOK = `${HOME}/bin/hook.sh`;
