import assert from "node:assert/strict";
import { Agent } from "node:http";
import { test } from "node:test";
import { CODES } from "@skein/control-plane/offline";
import fc from "fast-check";
import { type World, withWorld } from "../world/world.ts";
import { change, explained, stand } from "./asked-world.ts";
import { LEGACY_MTLS } from "./documents.ts";
import { get, tcpClient } from "./load.ts";
import { GROUNDS, groundDocuments, type PolicySet, policySet } from "./policy-sets.ts";
import { documents, MESH, meshYaml } from "./scene.ts";
import { tagPolicySet } from "./tag-policy-sets.ts";

/* What explain says against what really happens, for random sets of policies. Where they differ, one is wrong. */

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);
const SETS = Number(process.env.SETS ?? 120);
const TAG_SETS = Number(process.env.SETS ?? 20);
/** A slow request takes that long: between the two time-outs that sets choose from. */
const SLOW_MS = 400;

interface Call {
  readonly from: string;
  readonly to: string;
  readonly host: number;
  readonly port: number;
  readonly bytes?: true;
}

const CALLS: readonly Call[] = [
  { from: "passenger-portal", to: "check-in-api", host: 11, port: 10_001 },
  { from: "passenger-portal", to: "flight-control", host: 11, port: 10_002, bytes: true },
  { from: "passenger-portal", to: "baggage", host: 11, port: 10_003 },
  { from: "check-in-api", to: "baggage", host: 12, port: 10_001 },
  { from: "baggage", to: "check-in-api", host: 14, port: 10_001 },
];

test(`explain and traffic agree on ${SETS} random policy sets (SEED=${SEED})`, async (context) => {
  const sets = fc.sample(policySet, { seed: SEED, numRuns: SETS });
  const perGround = Math.ceil(SETS / GROUNDS.length);
  await withWorld(async (world) => {
    await world.startControlPlane();
    await world.apply(documents(meshYaml(), ...groundDocuments({ identified: {}, mode: "Permissive" })));
    const services = await startServices(world);
    const trial = new Trial(world);
    for (const [place, ground] of GROUNDS.entries()) {
      await stand(world, groundDocuments(ground), services);
      for (const set of sets.slice(place * perGround, (place + 1) * perGround)) await trial.take(set);
    }
    await commandsAgree(world, CALLS);
    context.diagnostic(`SEED=${SEED}: ${trial.report()}`);
    trial.mustHaveSeen(
      "allowed",
      "denied",
      "no-endpoints",
      "plaintext-refused",
      "timed out",
      "slow but answered",
    );
  });
});

test(`explain and traffic agree on ${TAG_SETS} random sets by tags (SEED=${SEED})`, async (context) => {
  const sets = fc.sample(tagPolicySet, { seed: SEED, numRuns: TAG_SETS });
  await withWorld(async (world) => {
    await world.startControlPlane();
    await world.apply(meshYaml(LEGACY_MTLS));
    await startServices(world);
    const trial = new Trial(world);
    for (const set of sets) await trial.take(set);
    context.diagnostic(`SEED=${SEED}: ${trial.report()}`);
    trial.mustHaveSeen("allowed", "denied");
  });
});

/** The commands say what the API says, with their exit codes. */
async function commandsAgree(world: World, calls: readonly Call[]): Promise<void> {
  for (const call of calls.slice(0, 2)) {
    const { verdict, reason } = await explained(world, call);
    const told = await world.ctl(["explain", call.from, call.to, "-m", MESH]);
    assert.equal(told.code, verdict === "allowed" ? 0 : 3, told.stdout + told.stderr);
    assert.ok(told.stdout.includes(reason), told.stdout);
  }
  const analysis = await world.ctl(["analyze", "-m", MESH, "-o", "json"]);
  const { items } = JSON.parse(analysis.stdout) as { items: readonly { code: string; severity: string }[] };
  assert.ok(items.every(({ code }) => code in CODES));
  assert.equal(analysis.code, items.some(({ severity }) => severity === "error") ? 2 : 0, analysis.stderr);
}

/** Sets, one after another, in one world. */
class Trial {
  readonly #world: World;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 16 });
  readonly #seen = new Map<string, number>();
  #away: readonly string[] = [];
  #taken = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** Applies a set and compares every call. */
  async take(set: PolicySet): Promise<void> {
    this.#away = await change(this.#world, set, this.#away);
    const isSlow = this.#taken % 4 === 0;
    const results = await Promise.all(CALLS.map((call) => compare(this.#world, this.#agent, call, isSlow)));
    for (const { verdict } of results) this.#seen.set(verdict, (this.#seen.get(verdict) ?? 0) + 1);
    const problems = results.flatMap(({ problem }) => problem ?? []);
    const described = `set ${this.#taken}\n${set.documents.join("---\n")}away: ${set.away}`;
    assert.deepEqual(problems, [], `SEED=${SEED}: explain and traffic disagree on ${described}`);
    this.#taken += 1;
  }

  report(): string {
    return Array.from(this.#seen, ([verdict, count]) => `${count} ${verdict}`).join(", ");
  }

  /** A comparison of which nothing came proves nothing. */
  mustHaveSeen(...verdicts: readonly string[]): void {
    for (const verdict of verdicts) assert.ok(this.#seen.has(verdict), `no set came to "${verdict}"`);
  }
}

async function startServices(world: World): Promise<readonly string[]> {
  const ground = { side: "ground" };
  const outbounds = (host: number) =>
    CALLS.filter((call) => call.host === host).map(({ to, port }) => ({ service: to, port }));
  await Promise.all([
    world.startService({
      service: "passenger-portal",
      host: 11,
      labels: { side: "front" },
      outbounds: outbounds(11),
    }),
    world.startService({ service: "check-in-api", host: 12, labels: ground, outbounds: outbounds(12) }),
    world.startService({ service: "flight-control", host: 13, labels: ground, tcp: true }),
    world.startService({ service: "baggage", host: 14, labels: ground, outbounds: outbounds(14) }),
  ]);
  return ["passenger-portal", "check-in-api", "flight-control", "baggage"];
}

interface Compared {
  readonly verdict: string;
  readonly problem?: string;
}

async function compare(world: World, agent: Agent, call: Call, isSlow: boolean): Promise<Compared> {
  const said = await explained(world, call);
  const { verdict } = said;
  const problem = (happened: string): Compared => ({
    verdict,
    problem: `${call.from} -> ${call.to}: explain says ${verdict} (${said.reason}), but ${happened}`,
  });
  const host = world.site.block.address(call.host);
  for (let i = 0; i < 2; i++) {
    if (call.bytes) {
      const failure = await tcpClient(host, call.port).send();
      if ((failure === undefined) !== (verdict === "allowed")) return problem(failure ?? "the app answered");
    } else {
      const { status, body, error } = await get(agent, `http://${host}:${call.port}/`);
      if (status !== STATUS[verdict]) return problem(`${status} ${error ?? body.slice(0, 200)}`);
    }
  }
  if (!isSlow || call.bytes || verdict !== "allowed") return { verdict };
  const { requestMs = Number.POSITIVE_INFINITY } = said.limits;
  const { status, body } = await get(agent, `http://${host}:${call.port}/delay?ms=${SLOW_MS}`);
  if (status !== (requestMs < SLOW_MS ? 504 : 200)) {
    return problem(
      `a request of ${SLOW_MS} ms with a limit of ${requestMs} ms got ${status} ${body.slice(0, 200)}`,
    );
  }
  return { verdict: requestMs < SLOW_MS ? "timed out" : "slow but answered" };
}

const STATUS: Readonly<Record<string, number>> = {
  allowed: 200,
  denied: 403,
  "plaintext-refused": 503,
  "tls-failed": 503,
  "no-endpoints": 503,
};
