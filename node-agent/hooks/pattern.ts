/** Texts that a regular expression can match: one, or all that begin so. */
export interface Family {
  head: string;
  /** Whether more may follow. */
  open: boolean;
  /** Whether what follows may hold a `/`. */
  slash: boolean;
}

// A letter, digit or one of these stands for itself; anything else needs a backslash to do so.
const LITERAL = String.raw`(?:[A-Za-z0-9_/:, -]|\\[./\-_:+*?()\[\]{}|^$\\])*`;
const ALTERNATIVE = new RegExp(String.raw`^(?<head>${LITERAL})(?<rest>\[\^/\][+*]|\.[+*])?$`);

/**
 * The texts that a Go regular expression (RE2, https://pkg.go.dev/regexp/syntax) can match, or undefined where that
 * cannot be told. Told only for anchored literals, with `[^/]+`, `.*` and the like at the end, and for alternatives of
 * these in one group: `^(a\.b/c|d/[^/]+)$`. What it tells is all that can match; it may be more.
 */
export function families(pattern: string): Family[] | undefined {
  const body = /^\^(?<body>.*)\$$/s.exec(pattern)?.groups?.["body"];
  if (body === undefined) return undefined;
  const group = /^\((?:\?:)?(?<inner>.*)\)$/s.exec(body)?.groups?.["inner"];
  const parts = group === undefined ? [body] : alternatives(group);
  const list = parts.map(familyOf);
  // Where the group's end is escaped, it is none, and the parts are not the whole.
  const isWhole = group === undefined || parts.join("|") === group;
  return isWhole && list.every((each) => each !== undefined) ? list : undefined;
}

// Split at each `|` that no backslash precedes; a group inside a group is no literal, and so not told.
function alternatives(inner: string): string[] {
  return [...(inner.match(/(?:\\.|[^\\|])+|(?<=\||^)(?=\||$)/gs) ?? [])];
}

function familyOf(text: string): Family | undefined {
  const { head, rest } = ALTERNATIVE.exec(text)?.groups ?? {};
  if (head === undefined) return undefined;
  const literal = head.replaceAll(/\\(.)/gs, "$1");
  return { head: literal, open: rest !== undefined, slash: rest?.startsWith(".") === true };
}
