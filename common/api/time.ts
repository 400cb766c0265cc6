/** metav1.Time: whole seconds. */
export function metaTime(at: Date): string {
  return at.toISOString().replace(/\.\d+Z$/, "Z");
}

/** metav1.MicroTime: exactly six digits after the point. */
export function microTime(at: Date): string {
  return at.toISOString().replace(/Z$/, "000Z");
}
