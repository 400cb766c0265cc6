import { open, type FileHandle } from "node:fs/promises";
import { SchedgateError } from "../../common/errors.ts";

const BLOCK = 512;

/** One member of a tar: where its header and content are. */
export interface TarEntry {
  name: string;
  /** Offset of the header. */
  start: number;
  /** Offset of the content. */
  content: number;
  size: number;
  /** Offset after content and padding. */
  end: number;
}

/** A span of a file: `end` is exclusive. */
export interface Span {
  start: number;
  end: number;
}

/**
 * Lists a ustar archive without reading contents. Long names of pax or GNU headers are not joined: an OCI layout has
 * none (image-spec: blobs/sha256/<64 hex digits>).
 */
export async function tarEntries(file: FileHandle): Promise<TarEntry[]> {
  const entries: TarEntry[] = [];
  const header = Buffer.alloc(BLOCK);
  for (let start = 0; ;) {
    const { bytesRead } = await file.read(header, 0, BLOCK, start);
    if (bytesRead < BLOCK || header.every((byte) => byte === 0)) return entries;
    const entry = parseHeader(header, start);
    entries.push(entry);
    start = entry.end;
  }
}

/** Reads a header block at an offset of the archive. */
export function parseHeader(header: Buffer, start: number): TarEntry {
  const text = (from: number, length: number): string => {
    const field = header.subarray(from, from + length);
    const end = field.indexOf(0);
    return field.subarray(0, end === -1 ? length : end).toString("latin1");
  };
  if (text(257, 5) !== "ustar") throw new SchedgateError("E_TAR", `no tar header at offset ${start}`);
  const octal = text(124, 12).trim();
  if (!/^[0-7]+$/.test(octal))
    throw new SchedgateError("E_TAR", `no plain size in the tar header at offset ${start}`);
  const size = Number.parseInt(octal, 8);
  const content = start + BLOCK;
  return { name: text(0, 100), start, content, size, end: content + Math.ceil(size / BLOCK) * BLOCK };
}

/** The digest (hex) of a blob's member, or undefined for another member of an OCI layout. */
export function blobOf({ name }: TarEntry): string | undefined {
  return /^(?:\.\/)?blobs\/sha256\/([0-9a-f]{64})$/.exec(name)?.[1];
}

/** The spans of an archive that are left when some of its blobs are not sent, neighbours joined. */
export function spansWithout(entries: readonly TarEntry[], known: ReadonlySet<string>): Span[] {
  const spans: Span[] = [];
  for (const entry of entries) {
    const blob = blobOf(entry);
    if (blob !== undefined && known.has(blob)) continue;
    const last = spans.at(-1);
    if (last?.end === entry.start) last.end = entry.end;
    else spans.push({ start: entry.start, end: entry.end });
  }
  return spans;
}

/** Opens a file for the time of `use`. */
export async function withFile<T>(
  path: string,
  flags: string,
  use: (file: FileHandle) => Promise<T>,
): Promise<T> {
  const file = await open(path, flags);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}
