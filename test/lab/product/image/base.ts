import { cp, mkdir, realpath, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Cache, cacheRoot, openCache } from "../../cache.ts";
import { must } from "../../exec.ts";
import { IMAGE_PROGRAMS } from "../../needs.ts";
import { ensurePrograms, findProgram } from "../../prerequisites.ts";

/** The name under which the lab's own base image stands in its storage. */
export const baseName = "localhost/schedgate-base:lab";

const archiveName = "base.oci.tar";

/** Where buildah keeps its images, and that it needs neither an engine nor a kernel feature for them. */
export function storage(directory: string): string[] {
  return [
    "--root",
    join(directory, "storage"),
    "--runroot",
    join(directory, "run"),
    "--storage-driver",
    "vfs",
  ];
}

/** Beside node: /bin/sh for probes, flock for the node's lock, mkfifo for its way in, nsenter to restart a runtime. */
const tools = {
  "/bin/sh": "dash",
  "/usr/bin/flock": "flock",
  "/usr/bin/mkfifo": "mkfifo",
  "/usr/bin/nsenter": "nsenter",
};

/**
 * Builds, once, a base image from this machine's own files: Node from its npm package, and a few Debian programs with
 * their libraries. It stands in for `node:24-slim` where no registry can be reached. Returns the storage directory.
 */
export async function baseImage(cache: Cache, log: (line: string) => void): Promise<string> {
  await ensurePrograms(IMAGE_PROGRAMS, log);
  const recipe = { node: process.version, tools, layout: 2 };
  return cache.get({ thing: "base-image", version: process.version, recipe }, async (directory) => {
    const root = join(directory, "root");
    await install(process.execPath, join(root, "usr/local/bin/node"));
    for (const [path, program] of Object.entries(tools)) {
      await install(findProgram(program, process.env["PATH"]) ?? program, join(root, path));
    }
    const libraries = await librariesOf([process.execPath, ...Object.keys(tools)]);
    for (const library of libraries) await install(library, join(root, library));
    await mkdir(join(root, "tmp"), { recursive: true });
    await mkdir(join(root, "etc"), { recursive: true });
    await writeFile(
      join(root, "etc/passwd"),
      "root:x:0:0:root:/:/bin/sh\nnonroot:x:65532:65532::/:/bin/sh\n",
    );
    await symlink("/usr/local/bin/node", join(root, "usr/bin/node"));
    await writeFile(
      join(directory, "Containerfile"),
      "FROM scratch\nCOPY root/ /\nENV PATH=/usr/local/bin:/usr/bin:/bin\n",
    );
    await must("buildah", [
      ...storage(directory),
      "bud",
      "--isolation",
      "chroot",
      "--layers=false",
      "-t",
      baseName,
      directory,
    ]);
    const archive = `oci-archive:${join(directory, archiveName)}:${baseName}`;
    await must("buildah", [...storage(directory), "push", baseName, archive]);
  });
}

/** The base image as an OCI archive: a lab's VM takes its large layer in once, before its snapshot is saved. */
export async function baseArchive(log: (line: string) => void): Promise<{ name: string; archive: string }> {
  const directory = await baseImage(openCache(cacheRoot(process.env), log), log);
  return { name: baseName, archive: join(directory, archiveName) };
}

async function install(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await cp(await realpath(from), to);
}

/** The shared libraries of programs, and their loader, as ldd(1) resolves them. */
async function librariesOf(programs: string[]): Promise<string[]> {
  const lines = (await must("ldd", programs)).split("\n");
  const paths = lines.flatMap(
    (line) => /=> (\/\S+)|^\s*(\/\S*ld-linux\S+)/.exec(line)?.slice(1).filter(Boolean) ?? [],
  );
  return [...new Set(paths)];
}
