/**
 * The cell below a heading of a kubectl table, in its first row; "" where nothing is listed.
 * @throws where there is no such heading.
 */
export function cell(table: string, heading: string): string {
  const [head = "", row = ""] = table.split("\n");
  if (table.trim() === "") return "";
  const columns = head.split(/(?<=\s)(?=\S)/);
  const index = columns.findIndex((each) => each.trim() === heading);
  if (index < 0) throw new Error(`no column ${heading} in: ${head}`);
  const start = columns.slice(0, index).join("").length;
  return row.slice(start, start + (columns[index]?.length ?? 0)).trim();
}
