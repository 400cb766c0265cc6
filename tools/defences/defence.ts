/** A change of a file that takes a defence away. */
export interface Edit {
  /** The file, from the root, and the text in it, which must occur exactly once. */
  file: string;
  text: string;
  /** Stands in place of the text where the defence is gone. */
  without: string;
}

/** One defence of the admission side: the edit that takes it away, and the test that must notice. */
export interface Defence extends Edit {
  /** What it is, for people. */
  what: string;
  /** Further layers, each of which holds alone, in other files. */
  also?: readonly Edit[];
  /** The test's file from the root, and its name, or how it begins where it is one of `test.each`. */
  test: { file: string; name: string };
}

/** Every layer of a defence. */
export function editsOf(defence: Defence): readonly Edit[] {
  return [defence, ...(defence.also ?? [])];
}

/** The tier of a test, which is its project of jest. */
export function tierOf({ test }: Defence): "unit" | "apiserver" {
  return test.file.startsWith("test/apiserver/") ? "apiserver" : "unit";
}
