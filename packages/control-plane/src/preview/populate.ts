import type { Resource } from "@skein/model";
import type { Slices } from "../pipeline/slices.ts";
import type { World } from "../pipeline/world.ts";
import { chunks } from "./chunks.ts";

const DATAPLANES_AT_ONCE = 20;
const OTHERS_AT_ONCE = 200;

/** Gives a world its resources. Dataplanes come last: each is matched with all that is there, in a slice of its own. */
export async function populate(
  world: World,
  resources: readonly Resource[],
  slices: Slices,
  signal: AbortSignal,
): Promise<void> {
  const [dataplanes, others] = [
    resources.filter(({ type }) => type === "Dataplane"),
    resources.filter(({ type }) => type !== "Dataplane"),
  ];
  const batches = [...chunks(others, OTHERS_AT_ONCE), ...chunks(dataplanes, DATAPLANES_AT_ONCE)];
  await slices.each(batches, signal, (batch) =>
    world.apply(batch.map((after) => ({ before: undefined, after }))),
  );
}
