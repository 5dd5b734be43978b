import assert from "node:assert/strict";
import { Agent } from "node:http";
import { type TestContext, test } from "node:test";
import type { Explanation } from "@skein/control-plane/explain/explanation";
import fc from "fast-check";
import { bytesServer } from "../outside/bytes-server.ts";
import { type OutsideServer, outsideServer } from "../outside/server.ts";
import { until } from "../poll.ts";
import { type World, withWorld } from "../world/world.ts";
import { change, explained } from "./asked-world.ts";
import { identity } from "./documents.ts";
import { get, tcpClient } from "./load.ts";
import { CALLERS, EGRESSES, OUTSIDE, type OutsideSet, outsideSet, WAYS } from "./outside-sets.ts";
import { documents, MESH, policy } from "./scene.ts";

/*
 * What explain and the access matrix say of calls that leave the mesh against what really happens, for random sets of
 * policies and each way out. Where they differ, one is wrong.
 */

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);
const SETS = Number(process.env.SETS ?? 90);
/** A slow request takes that long: between the two time-outs that sets choose from. */
const SLOW_MS = 1_200;
const HOSTS = { "passenger-portal": 11, "check-in-api": 12 } as const;
const PORTS = { pay: 10_001, ledger: 10_003 } as const;

type Call = { readonly from: keyof typeof HOSTS; readonly to: keyof typeof PORTS };
const CALLS: readonly Call[] = CALLERS.flatMap((from) => OUTSIDE.map(({ name: to }) => ({ from, to })));

test(`explain, the access matrix and traffic agree on ${SETS} random sets of calls that leave (SEED=${SEED})`, async (t) => {
  const sampled = fc.sample(outsideSet, { seed: SEED, numRuns: SETS });
  // Once at least nobody is there.
  const sets = sampled.map((set, i) => (i === 1 ? { ...set, away: EGRESSES } : set));
  await withOutside(t, async (world, pay) => {
    const seen = new Map<string, number>();
    let away: readonly string[] = [];
    for (const way of WAYS) {
      for (const [i, set] of sets.splice(0, Math.ceil(SETS * way.share)).entries()) {
        away = await change(world, { ...set, documents: [way.mesh, ...set.documents] }, away);
        await Promise.all(CALLERS.map((name) => settled(world, name)));
        await Promise.all(CALLERS.map((name) => renewed(world, name)));
        const matrix = await accessTo(world);
        // Connections of the set before outlive a listener that is taken away, until it has drained.
        const agent = new Agent({ keepAlive: true, maxSockets: 16 });
        const results: Compared[] = [];
        for (const call of CALLS) results.push(await compare(world, agent, pay, call, matrix, i % 2 === 0));
        agent.destroy();
        for (const { kind } of results) seen.set(kind, (seen.get(kind) ?? 0) + 1);
        const problems = results.flatMap(({ problem }) => problem ?? []);
        const about = `${way.name}, set ${i}\n${described(set)}`;
        assert.deepEqual(problems, [], `SEED=${SEED}: they disagree ${about}`);
      }
    }
    t.diagnostic(`SEED=${SEED}: ${Array.from(seen, ([kind, count]) => `${count} ${kind}`).join(", ")}`);
    const wanted = ["allow allowed", "deny denied", "unchecked allowed", "unreachable no-endpoints"];
    const more = ["differs differs", "deny no-outbound", "allow aborted", "timed out", "slow but answered"];
    for (const kind of [...wanted, ...more]) {
      assert.ok(seen.has(kind), `no set came to "${kind}"`);
    }
  });
});

function described({ documents: parts, away }: OutsideSet): string {
  return `${parts.join("---\n")}away: ${away}`;
}

/** Two callers of two services outside, and two egresses. */
async function withOutside(
  t: TestContext,
  body: (world: World, pay: OutsideServer) => Promise<void>,
): Promise<void> {
  const pay = await outsideServer("pay", undefined);
  t.after(() => pay.close());
  const ledger = await bytesServer("ledger");
  t.after(() => ledger.close());
  const ports = { pay: pay.port, ledger: ledger.port };
  await withWorld(async (world) => {
    await world.startControlPlane();
    const [first] = WAYS;
    assert.ok(first);
    const services = OUTSIDE.map(({ name, port, protocol }) =>
      policy("MeshExternalService", name, {
        match: { type: "HostnameGenerator", port, protocol },
        endpoints: [{ address: "127.0.0.1", port: ports[name] }],
      }),
    );
    await world.apply(documents(first.mesh, identity(), ...services));
    await Promise.all([
      ...CALLERS.map((service) =>
        world.startService({
          service,
          host: HOSTS[service],
          outbounds: OUTSIDE.map(({ name }) => ({
            kind: "MeshExternalService",
            service: name,
            port: PORTS[name],
          })),
        }),
      ),
      ...EGRESSES.map((name, i) => world.startEgress(name, 21 + i)),
    ]);
    await until("every caller is told of a way out", async () => {
      const matrix = await accessTo(world);
      return CALLS.every(({ from, to }) => matrix.get(`${from} ${to}`) === "deny");
    });
    await body(world, pay);
  });
}

/** Waits until a proxy calls as it was told last: a cluster of another kind takes over once it knows its endpoints. */
async function settled(world: World, name: string): Promise<void> {
  await until(`${name} has warmed its clusters`, async () => {
    const stats = await world.sidecarStats(name, "cluster_manager.warming_clusters");
    return stats.size > 0 && [...stats.values()].every((count) => count === 0);
  });
}

/** Has the connections of a proxy to egresses that hold filters of the set before make their last requests. */
async function renewed(world: World, from: Call["from"]): Promise<void> {
  const url = `http://${world.site.block.address(HOSTS[from])}:${PORTS.pay}/`;
  for (let i = 0; i < 12; i++) await get(undefined, url);
}

/** Verdicts of the access matrix by caller and destination. */
async function accessTo(world: World): Promise<ReadonlyMap<string, string>> {
  const answer = await fetch(`${world.controlPlane.api}/meshes/${MESH}/_access`);
  const { items } = (await answer.json()) as {
    items: readonly { source: string; destination: string; outside?: string; verdict: string }[];
  };
  const leaving = items.filter(({ outside }) => outside !== undefined);
  return new Map(leaving.map(({ source, destination, verdict }) => [`${source} ${destination}`, verdict]));
}

interface Compared {
  readonly kind: string;
  readonly problem?: string;
}

async function compare(
  world: World,
  agent: Agent,
  pay: OutsideServer,
  call: Call,
  matrix: ReadonlyMap<string, string>,
  isSlow: boolean,
): Promise<Compared> {
  const said = await explained(world, call);
  const access = matrix.get(`${call.from} ${call.to}`) ?? "nothing";
  const kind = `${access} ${said.verdict}`;
  const problem = (happened: string): Compared => ({
    kind,
    problem: `${call.from} -> ${call.to}: the matrix says ${access}, explain ${said.verdict} (${said.reason}), but ${happened}`,
  });
  const verdicts = said.branches.length === 0 ? [said.verdict] : said.branches.map(({ verdict }) => verdict);
  if (!agree(access, verdicts)) return problem("that is not the same");
  const host = world.site.block.address(HOSTS[call.from]);
  if (call.to === "ledger") {
    const failure = await tcpClient(host, PORTS.ledger).send();
    const isPossible = verdicts.some((verdict) => (verdict === "allowed") === (failure === undefined));
    return isPossible ? { kind } : problem(failure ?? "it was answered");
  }
  const url = `http://${host}:${PORTS.pay}/`;
  for (let i = 0; i < 3; i++) {
    const { status, body, error } = await inTime(agent, url, said);
    if (!verdicts.some((verdict) => STATUS[verdict] === status)) {
      return problem(`${status} ${error ?? body.slice(0, 200)}`);
    }
  }
  return isSlow && said.verdict === "allowed" ? await slowly(agent, pay, url, said, problem) : { kind };
}

/** An answer to a quick request. On a machine with much to do even that may take longer than the caller's proxy waits. */
async function inTime(agent: Agent, url: string, { limits: { requestMs } }: Explanation) {
  for (let again = 0; ; again++) {
    const answer = await get(agent, url);
    if (answer.status !== 504 || requestMs === undefined || requestMs > SLOW_MS || again === 10)
      return answer;
  }
}

async function slowly(
  agent: Agent,
  pay: OutsideServer,
  url: string,
  { limits: { requestMs = Number.POSITIVE_INFINITY } }: Explanation,
  problem: (happened: string) => Compared,
): Promise<Compared> {
  pay.behave({ delayMs: SLOW_MS });
  const { status, body } = await get(agent, url);
  pay.behave({});
  const isOver = requestMs < SLOW_MS;
  if (status === (isOver ? 504 : 200)) return { kind: isOver ? "timed out" : "slow but answered" };
  const about = `a request of ${SLOW_MS} ms with a limit of ${requestMs} ms got`;
  return problem(`${about} ${status} ${body.slice(0, 200)}`);
}

/** What explain may say of each part of the calls where the matrix says something of all of them. */
const AGREEING: Readonly<Record<string, readonly string[]>> = {
  allow: ["allowed", "aborted"],
  deny: ["denied", "no-outbound"],
  unchecked: ["allowed"],
  unreachable: ["no-endpoints"],
};

function agree(access: string, verdicts: readonly string[]): boolean {
  const isAll = (possible: readonly string[]) => verdicts.every((verdict) => possible.includes(verdict));
  return access === "differs" ? !Object.values(AGREEING).some(isAll) : isAll(AGREEING[access] ?? []);
}

/** 0: nobody listens there. */
const STATUS: Readonly<Record<string, number>> = {
  allowed: 200,
  denied: 403,
  aborted: 418,
  "no-endpoints": 503,
  "no-outbound": 0,
};
