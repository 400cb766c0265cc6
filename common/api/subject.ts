import type { HookGrant } from "./hookgrant.ts";

/** Whom a pod runs as. */
export interface Account {
  namespace: string;
  serviceAccount: string;
}

/** Whether it is one of the grant's subjects. Who sent the request does not matter: controllers make pods. */
export function isSubject({ spec }: HookGrant, account: Account): boolean {
  return spec.subjects.some(
    (each) =>
      each.namespace === account.namespace &&
      (each.serviceAccounts === undefined || each.serviceAccounts.includes(account.serviceAccount)),
  );
}

/** The grants that the value of a grant annotation names, sorted. */
export function namesIn(value: string | undefined): string[] {
  if (value === undefined) return [];
  return [...new Set(value.split(",").filter((each) => each !== ""))].sort();
}
