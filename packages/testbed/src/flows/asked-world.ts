import assert from "node:assert/strict";
import { runCli } from "@skein/cli";
import type { Explanation } from "@skein/control-plane/explain/explanation";
import { until } from "../poll.ts";
import type { World } from "../world/world.ts";
import type { PolicySet } from "./policy-sets.ts";
import { documents, MESH, WAIT } from "./scene.ts";

/** Changes identities and modes, and waits until no connection of the time before is left. */
export async function stand(
  world: World,
  ground: readonly string[],
  services: readonly string[],
): Promise<void> {
  await applyWait(world, ground);
  for (const name of services) {
    await until(
      `${name} has drained what was replaced`,
      async () => {
        const stats = await world.sidecarStats(
          name,
          "listener_manager.total_(listeners|filter_chains)_draining",
        );
        return [...stats.values()].every((count) => count === 0);
      },
      { timeoutMs: 20_000 },
    );
  }
}

/** Applies a set; answers with the services that are away now. */
export async function change(
  world: World,
  set: PolicySet,
  asleep: readonly string[],
): Promise<readonly string[]> {
  const moved = [...new Set([...asleep, ...set.away])].filter(
    (name) => asleep.includes(name) !== set.away.includes(name),
  );
  const dataplanes = await Promise.all(moved.map((name) => dataplane(world, name, set.away.includes(name))));
  await applyWait(world, [...set.documents, ...dataplanes]);
  return set.away;
}

async function dataplane(world: World, name: string, isAway: boolean): Promise<string> {
  const answer = await fetch(`${world.controlPlane.api}/meshes/${MESH}/dataplanes/${name}`);
  const document = (await answer.json()) as { networking: Record<Ports, readonly object[] | undefined> };
  const networking = { ...document.networking };
  const state = isAway ? "NotReady" : "Ready";
  for (const ports of PORTS) {
    const list = networking[ports];
    if (list !== undefined) networking[ports] = list.map((each) => ({ ...each, state }));
  }
  return `${JSON.stringify({ ...document, networking })}\n`;
}

/** What a proxy takes traffic by. */
const PORTS = ["inbound", "listeners"] as const;
type Ports = (typeof PORTS)[number];

/** `skeinctl apply --wait` without the start of a process, which would cost more than the change. */
async function applyWait(world: World, parts: readonly string[]): Promise<void> {
  let err = "";
  const code = await runCli(["--config-file", world.ctlConfigFile, "apply", "-f", "-", WAIT], {
    programName: "skeinctl",
    env: {},
    home: world.site.dir,
    stdoutIsTerminal: false,
    out: () => {},
    err: (text) => {
      err += text;
    },
    readStdin: async () => documents(...parts),
    now: () => Date.now(),
    isRoot: false,
    interruption: () => ({ signal: new AbortController().signal, [Symbol.dispose]: () => {} }),
  });
  assert.equal(code, 0, err);
}

/** What the control plane says would happen; `more` are further parts of the question. */
export async function explained(
  world: World,
  { from, to }: { readonly from: string; readonly to: string },
  more: readonly (readonly [string, string])[] = [],
): Promise<Explanation> {
  const query = new URLSearchParams({ source: from, destination: to });
  for (const [name, value] of more) query.append(name, value);
  const answer = await fetch(`${world.controlPlane.api}/meshes/${MESH}/_explain?${query}`);
  assert.equal(answer.status, 200, await answer.clone().text());
  return (await answer.json()) as Explanation;
}
