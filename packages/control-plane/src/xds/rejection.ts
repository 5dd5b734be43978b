/** What Envoy's reason for a NACK tells about the resources of the rejected response. */
export interface Rejection {
  /** Resources that Envoy names as the cause. Empty where the reason names none. */
  readonly names: readonly string[];
  /** Whether Envoy applied the resources of the response that it does not name. */
  readonly othersApplied: boolean;
}

/**
 * Reads the resource names out of Envoy's error text. Envoy 1.40 writes three kinds:
 *
 * - `Error adding/updating listener(s) NAME: why\nNAME: why\n` and `Error adding/updating cluster(s) NAME: why, NAME: why`:
 *   each named one failed, all others of the response are in use.
 * - `goo.gle/debugproto ... name: "NAME" ... : Proto constraint validation failed (...)`, with the offending resource as
 *   text: nothing of the response is in use.
 * - anything else, such as `Invalid duration: ...`: no name, nothing in use.
 *
 * The text is cut at 4 KiB; then the resources that it does not name may have failed too.
 */
export function readRejection(message: string, candidates: Iterable<string>): Rejection {
  const head = /^Error adding\/updating (listener|cluster)\(s\) /.exec(message);
  if (head !== null) {
    const separator = head[1] === "listener" ? "\n" : ", ";
    const text = separator + message.slice(head[0].length);
    const names = [...candidates].filter((name) => text.includes(`${separator}${name}: `));
    return { names, othersApplied: names.length > 0 && !isCut(message) };
  }
  const wanted = new Set(candidates);
  for (const match of message.matchAll(/(?:^|\n)(?:cluster_)?name: "((?:[^"\\]|\\.)*)"/g)) {
    const name = match[1];
    if (name !== undefined && wanted.has(name)) return { names: [name], othersApplied: false };
  }
  return { names: [], othersApplied: false };
}

function isCut(message: string): boolean {
  return message.length >= 4000 || message.endsWith("(truncated)");
}
