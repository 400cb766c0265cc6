import type { Clock } from "../../common/clock.ts";

/** How the installer fares, for Prometheus: written by hand, since a library for it would be most of this program. */
export interface Progress {
  succeeded(): void;
  failed(): void;
  /** In Prometheus' text format. */
  text(): string;
}

/** Nothing has succeeded or failed yet. */
export function progress(clock: Clock): Progress {
  let failures = 0;
  let lastSuccess = 0;
  return {
    succeeded: () => {
      lastSuccess = Math.floor(clock.now().getTime() / 1000);
    },
    failed: () => {
      failures += 1;
    },
    text: () =>
      metric("schedgate_installer_failures_total", "counter", "Tries to install that failed", failures) +
      metric(
        "schedgate_installer_last_success_timestamp_seconds",
        "gauge",
        "When the node was last found to be installed, 0 for never",
        lastSuccess,
      ),
  };
}

function metric(name: string, type: string, help: string, value: number): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${name} ${value}\n`;
}
