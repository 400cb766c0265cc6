import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { codeOf } from "../../common/errors.ts";
import { rooted } from "./rooted.ts";

/** The host's files, all paths absolute on the host. Every call throws Node's own error (`ENOENT`, `EINVAL`, …). */
export interface HostFs {
  /** Whole content. */
  read(path: string): string;
  /** Another one after each `replace` of the file, so that what was read of it need not be read again. */
  version(path: string): string;
  /** One write(2) into a file that exists; never creates it. Kernel files report refusals here (EINVAL, EBUSY). */
  write(path: string, text: string): void;
  /**
   * New content by a temporary file and a rename, so that a reader sees the old or the new, whatever is killed.
   * Without a mode it keeps the file's own, 0644 for a new one. On disk before the rename.
   * @param temporary on the same file system; beside the file when not said.
   */
  replace(path: string, text: string, mode?: number, temporary?: string): void;
  /** Names of the entries of a directory, sorted. */
  list(dir: string): string[];
  /** Names of the directories inside a directory, sorted. */
  subdirectories(dir: string): string[];
  exists(path: string): boolean;
  /** Target of a symbolic link, as it stands. */
  readlink(path: string): string;
  mkdir(dir: string): void;
  /** With parents; no error where it exists. */
  mkdirs(dir: string): void;
  rmdir(dir: string): void;
  /** Removes a file; no error where it is gone. */
  remove(path: string): void;
}

/**
 * The files below `root` ("/" on the host itself, a mount point inside a pod, a temporary directory in tests); symbolic
 * links lead to where they lead on the host.
 */
export function nodeHostFs(root = "/"): HostFs {
  const at = (path: string): string => rooted(root, path, true);
  const entry = (path: string): string => rooted(root, path, false);
  return {
    read: (path) => fs.readFileSync(at(path), "utf8"),
    version: (path) => {
      const { ino, mtimeNs, size } = fs.statSync(at(path), { bigint: true });
      return `${ino} ${mtimeNs} ${size}`;
    },
    write: (path, text) => {
      writeOnce(at(path), text);
    },
    replace: (path, text, mode, temporary) => {
      // The directory may hold files that others read by suffix (hooks.d takes *.json): this name has another one.
      const beside = join(dirname(path), temporaryName(process.pid));
      replaceFile(entry(path), text, mode, entry(temporary ?? beside));
    },
    list: (dir) => fs.readdirSync(at(dir)).sort(),
    subdirectories: (dir) =>
      fs
        .readdirSync(at(dir), { withFileTypes: true })
        .filter((one) => one.isDirectory())
        .map((one) => one.name)
        .sort(),
    exists: (path) => fs.existsSync(at(path)),
    readlink: (path) => fs.readlinkSync(entry(path)),
    mkdir: (dir) => {
      fs.mkdirSync(entry(dir), { mode: 0o755 });
    },
    mkdirs: (dir) => {
      fs.mkdirSync(at(dir), { recursive: true, mode: 0o755 });
    },
    rmdir: (dir) => {
      fs.rmdirSync(entry(dir));
    },
    remove: (path) => {
      fs.rmSync(entry(path), { force: true });
    },
  };
}

function temporaryName(pid: number): string {
  return `.schedgate-${pid}.tmp`;
}

/** Removes from a directory what writers left in it that were killed before their rename. Needs the host's PIDs. */
export function sweepTemporaries(hostFs: HostFs, proc: HostFs, dir: string): void {
  for (const name of ifThere(() => hostFs.list(dir)) ?? []) {
    const pid = /^\.schedgate-(\d+)\.tmp$/.exec(name)?.[1];
    if (pid !== undefined && !proc.exists(`/proc/${pid}`)) hostFs.remove(`${dir}/${name}`);
  }
}

// Without O_CREAT: on a cgroup file that vanished, O_CREAT would turn ENOENT into a misleading EACCES.
function writeOnce(path: string, text: string): void {
  const fd = fs.openSync(path, fs.constants.O_WRONLY);
  try {
    fs.writeSync(fd, text);
  } finally {
    fs.closeSync(fd);
  }
}

function replaceFile(path: string, text: string, wanted: number | undefined, temporary: string): void {
  const mode = wanted ?? fs.statSync(path, { throwIfNoEntry: false })?.mode ?? 0o644;
  fs.rmSync(temporary, { force: true }); // of one that was killed; it may have another mode
  try {
    fs.writeFileSync(temporary, text, { mode, flag: "wx", flush: true });
    fs.renameSync(temporary, path);
  } catch (error) {
    fs.rmSync(temporary, { force: true });
    throw error;
  }
}

/** The content, or undefined where the file (or its directory) is gone. ENODEV: a cgroup removed while it was open. */
export function readIfThere(hostFs: HostFs, path: string): string | undefined {
  return ifThere(() => hostFs.read(path));
}

/** What `look` gives, or undefined where the thing it looks at is gone. */
export function ifThere<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** Whether the error says that a file, a process or a cgroup no longer exists. */
export function isGone(error: unknown): boolean {
  return ["ENOENT", "ENODEV", "ENOTDIR", "ESRCH"].includes(codeOf(error) ?? "");
}
