/** Rows as text in columns, three blanks apart, as kubectl prints them. An empty cell stays empty. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, cell.length)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join("   ")
        .trimEnd(),
    )
    .join("\n");
}

/** How long ago, as kubectl says it: `45s`, `12m`, `5h`, `3d`; `<unknown>` where nobody knows. */
export function age(since: string | null | undefined, now: Date): string {
  const ms = now.getTime() - Date.parse(since ?? "");
  if (Number.isNaN(ms)) return "<unknown>";
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}
