/** The value at a path of dots inside plain data, and all of it for an empty path; `undefined` where there is none. */
export function valueAt(conf: unknown, path: string): unknown {
  let value = conf;
  for (const key of path === "" ? [] : path.split(".")) {
    if (typeof value !== "object" || value === null) return undefined;
    value = Reflect.get(value, key);
  }
  return value;
}
