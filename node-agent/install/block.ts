/**
 * Our part of a file that belongs to somebody else, between two marks. It carries the newline before it, so that
 * taking it out gives back the file byte for byte, also one that did not end in a newline.
 */
const BEGIN = "\n# BEGIN schedgate: written by its installer, which removes it again\n";
const END = "# END schedgate\n";

/** The file without our block. */
export function withoutBlock(text: string): string {
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END, begin);
  return begin === -1 || end === -1 ? text : text.slice(0, begin) + text.slice(end + END.length);
}

/** The file with exactly this block, at its end. */
export function withBlock(text: string, body: string): string {
  return `${withoutBlock(text)}${BEGIN}${body}${END}`;
}
