import type { AccessEntry } from "../api/ports.ts";
import type { MeshWorld } from "../pipeline/world.ts";
import { judge } from "./judge.ts";
import { type Called, partiesOf } from "./parties.ts";

/**
 * Who may call whom: every workload against every port of every other, and against every service outside the mesh.
 * Instances of one workload answer alike, so one of them speaks for all.
 */
export function accessMatrix(mesh: MeshWorld): readonly AccessEntry[] {
  const names = [...mesh.index.dataplaneNames()].sort();
  const plans = names.flatMap((name) => mesh.planner.plan.at(name).get() ?? []);
  const { callers, called } = partiesOf(mesh, plans);
  return [...callers]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([source, caller]) =>
      [...called.values()]
        .filter((each) => !isItself(source, each))
        .map((each) => ({
          source,
          sourceId: caller.plan.identity?.uris[0] ?? "",
          ...placeOf(each),
          ...judge(caller, each),
        })),
    );
}

/** Whether a workload would call itself. */
export function isItself(source: string, called: Called): boolean {
  return called.kind === "inbound" && called.name === source;
}

/** The called side of a pair. */
export function placeOf(called: Called): Pick<AccessEntry, "destination" | "port" | "outside"> {
  const { name: destination, port } = called;
  if (called.kind === "inbound") return { destination, port };
  return { destination, port, outside: called.egresses === undefined ? "sidecar" : "egress" };
}
