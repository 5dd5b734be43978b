import type { World } from "../world/world.ts";

/** One answer of the control plane to "may A call B?". */
export interface AccessEntry {
  readonly source: string;
  readonly destination: string;
  readonly port: number;
  readonly verdict: "allow" | "deny" | "plaintext";
}

/** Asks the control plane who may call whom. */
export async function accessOf(world: World): Promise<readonly AccessEntry[]> {
  const answer = await fetch(`${world.controlPlane.api}/meshes/${world.mesh}/_access`);
  const body: unknown = await answer.json();
  if (
    !answer.ok ||
    typeof body !== "object" ||
    body === null ||
    !("items" in body) ||
    !Array.isArray(body.items)
  ) {
    throw new Error(`_access answered ${answer.status}: ${JSON.stringify(body)}`);
  }
  return body.items.filter(isEntry);
}

/** A table with a row per caller and a column per service called. */
export function accessTable(services: readonly string[], entries: readonly AccessEntry[]): readonly string[] {
  const width = 18;
  const verdict = (source: string, destination: string): string =>
    entries.find((entry) => entry.source === source && entry.destination === destination)?.verdict ?? "-";
  return [
    ["caller \\ called", ...services]
      .map((cell) => cell.padEnd(width))
      .join("")
      .trimEnd(),
    ...services.map((source) =>
      [source, ...services.map((destination) => verdict(source, destination))]
        .map((cell) => cell.padEnd(width))
        .join("")
        .trimEnd(),
    ),
  ];
}

function isEntry(value: unknown): value is AccessEntry {
  return (
    typeof value === "object" &&
    value !== null &&
    "source" in value &&
    "destination" in value &&
    "verdict" in value
  );
}
