/** A map that holds the newest `max` entries. */
export function remembered<T>(max: number): {
  get(key: string): T | undefined;
  set(key: string, value: T): void;
} {
  const map = new Map<string, T>();
  return {
    get: (key) => map.get(key),
    set: (key, value) => {
      map.delete(key);
      map.set(key, value);
      const [oldest] = map.keys();
      if (map.size > max && oldest !== undefined) map.delete(oldest);
    },
  };
}
