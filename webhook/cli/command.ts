import type { Arguments } from "./arguments.ts";
import type { World } from "./world.ts";

/** One option of a command, as parsed, completed and shown in the help. */
export interface Option {
  type: "string" | "boolean";
  short?: string;
  /** What stands for the value in the help. */
  value?: string;
  /** The only values it takes. */
  choices?: readonly string[];
  /** Its values are files; what follows without an option in front are more of them, as a shell's `*.yaml` gives. */
  files?: boolean;
  help: string;
}

export type Options = Readonly<Record<string, Option>>;

/** One command of the program. */
export interface Command {
  name: string;
  /** One line of the program's help. */
  summary: string;
  /** What follows the name in the usage line, options aside. */
  operands: string;
  /** The most operands it takes. */
  maxOperands: number;
  /** The only operands it takes, for completion. */
  choices?: readonly string[];
  /** More than the summary says, ready to print. */
  details?: string;
  options: Options;
  /** `from`: what stands before a pipe into it. */
  examples: readonly { what: string; args: string; from?: string }[];
  /** The exit code. @throws SchedgateError where it cannot do what it was asked. */
  run(args: Arguments, world: World): Promise<number>;
}

export const HELP: Options = { help: { type: "boolean", short: "h", help: "show this text" } };

/** For commands that speak with a cluster. */
export const CLUSTER: Options = {
  kubeconfig: {
    type: "string",
    value: "FILE",
    files: true,
    help: "default: KUBECONFIG, else ~/.kube/config, else the cluster this runs in",
  },
  context: { type: "string", value: "NAME", help: "the kubeconfig's context; default: its current one" },
};

export const NAMESPACE: Options = {
  namespace: { type: "string", short: "n", value: "NAME", help: "default: that of the context" },
};
