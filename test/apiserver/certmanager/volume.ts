import { mkdir, rename, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * A directory in which a Secret is mounted as the kubelet does it: the files are links through `..data`, which is
 * swapped for all of them at once. Gives what puts the Secret's next files there.
 */
export function secretVolume(directory: string): (files: Record<string, string>) => Promise<void> {
  let generation = 0;
  return async (files) => {
    generation += 1;
    const data = `..${String(generation)}`;
    await mkdir(join(directory, data), { recursive: true });
    for (const [name, text] of Object.entries(files)) {
      await writeFile(join(directory, data, name), text);
      if (generation === 1) await symlink(join("..data", name), join(directory, name));
    }
    await symlink(data, join(directory, "..data_tmp"));
    await rename(join(directory, "..data_tmp"), join(directory, "..data"));
  };
}
