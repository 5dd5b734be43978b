import assert from "node:assert/strict";
import { Agent, request } from "node:http";
import { test } from "node:test";
import type { Explanation } from "@skein/control-plane/explain/explanation";
import { changedHeaders } from "@skein/policies/mesh-http-route/applied-headers";
import fc from "fast-check";
import { until } from "../poll.ts";
import { type World, withWorld } from "../world/world.ts";
import { change, explained, stand } from "./asked-world.ts";
import { tcpClient } from "./load.ts";
import { GROUNDS, groundDocuments } from "./policy-sets.ts";
import { type RoutedRequest, type RouteSet, routeSet } from "./route-sets.ts";
import { documents, meshYaml } from "./scene.ts";

/* What explain says of routes against what really happens, for random sets of them. Where they differ, one is wrong. */

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);
const SETS = Number(process.env.SETS ?? 100);

const CALLS = [
  { from: "passenger-portal", to: "check-in-api", port: 10_001 },
  { from: "passenger-portal", to: "baggage", port: 10_003 },
] as const;
type Call = (typeof CALLS)[number];
const BYTES = { from: "passenger-portal", to: "flight-control", port: 10_002 } as const;

const STATUS: Readonly<Record<string, number>> = {
  allowed: 200,
  denied: 403,
  "no-endpoints": 503,
  "no-backend": 503,
};

test(`explain and traffic agree on ${SETS} random sets of routes (SEED=${SEED})`, async (context) => {
  const sets = fc.sample(routeSet, { seed: SEED, numRuns: SETS });
  await withWorld(async (world) => {
    await world.startControlPlane();
    const [ground] = GROUNDS;
    assert.ok(ground);
    await world.apply(documents(meshYaml(), ...groundDocuments(ground)));
    await Promise.all([
      world.startService({
        service: "passenger-portal",
        host: 11,
        outbounds: [...CALLS, BYTES].map(({ to, port }) => ({ service: to, port })),
      }),
      world.startService({ service: "check-in-api", host: 12 }),
      world.startService({ service: "flight-control", host: 13, tcp: true }),
      world.startService({ service: "baggage", host: 14 }),
      world.startService({ service: "records", host: 15 }),
    ]);
    await stand(world, groundDocuments(ground), ["passenger-portal", "check-in-api", "baggage", "records"]);
    const agent = new Agent({ keepAlive: true, maxSockets: 16 });
    const seen = new Map<string, number>();
    let copies = await recorded(world);
    let away: readonly string[] = [];
    for (const [i, set] of sets.entries()) {
      away = await change(world, set, away);
      const results = await Promise.all([
        compareBytes(world),
        ...CALLS.flatMap((call) => set.requests.map((sent) => compare(world, agent, call, sent))),
      ]);
      for (const { kind } of results) seen.set(kind, (seen.get(kind) ?? 0) + 1);
      const problems = results.flatMap(({ problem }) => problem ?? []);
      assert.deepEqual(problems, [], `SEED=${SEED}: explain and traffic disagree on ${described(set, i)}`);
      copies += results.reduce((sum, result) => sum + (result.copies ?? 0), 0);
      // More than were told, however late they come, would be missed by the next set.
      let count = 0;
      const told = () => `SEED=${SEED}: ${count} copies instead of ${copies}: ${described(set, i)}`;
      await until("the copies have come", async () => {
        count = await recorded(world);
        assert.ok(count <= copies, told());
        return count === copies;
      }).catch((cause: unknown) => {
        throw new Error(told(), { cause });
      });
    }
    agent.destroy();
    context.diagnostic(`SEED=${SEED}: ${Array.from(seen, ([kind, count]) => `${count} ${kind}`).join(", ")}`);
    for (const kind of [
      "allowed by a route",
      "allowed",
      "rewritten",
      "redirected",
      "no-backend",
      "denied",
      "split",
      "copied",
      "other headers",
      "other headers of the answer",
      "bytes allowed",
      "bytes no-backend",
    ]) {
      assert.ok(seen.has(kind), `no set came to "${kind}"`);
    }
  });
});

function described({ documents: parts, away }: RouteSet, index: number): string {
  return `set ${index}\n${parts.join("---\n")}away: ${away}`;
}

interface Compared {
  readonly kind: string;
  readonly problem?: string;
  /** How many copies should have been made. */
  readonly copies?: number;
}

/** Requests that have come to `records`, which nobody calls: each is a copy. */
async function recorded(world: World): Promise<number> {
  const stats = await world.sidecarStats("records", "http.localhost_8080.downstream_rq_total");
  assert.equal(stats.size, 1, [...stats.keys()].join());
  return [...stats.values()].reduce((sum, count) => sum + count, 0);
}

async function compare(world: World, agent: Agent, call: Call, sent: RoutedRequest): Promise<Compared> {
  const address = world.site.block.address(11);
  const host = `${address}:${call.port}`;
  const said = await explained(world, call, [
    ["method", sent.method],
    ["path", sent.path],
    ...[["host", host] as const, ...Object.entries(sent.headers)].map(
      ([name, value]) => ["header", `${name}=${value}`] as const,
    ),
  ]);
  const got = await send(agent, address, call.port, sent);
  const wrong = disagreement(said, got, host, sent.headers);
  if (wrong === undefined) return { kind: kindOf(said, sent), copies: copiesMade(said, got) };
  const asked = `${call.from} -> ${call.to}: ${sent.method} ${sent.path} ${JSON.stringify(sent.headers)}`;
  const problem = `${asked}: explain says ${said.verdict} (${said.reason}; ${said.hops.at(-1)?.text}), but ${wrong}`;
  return { kind: "wrong", problem };
}

/** Connections have an answer or none, and nothing else to compare. */
async function compareBytes(world: World): Promise<Compared> {
  const said = await explained(world, BYTES);
  const failure = await tcpClient(world.site.block.address(11), BYTES.port).send();
  if ((failure === undefined) === (said.verdict === "allowed")) return { kind: `bytes ${said.verdict}` };
  const problem = `explain says ${said.verdict} (${said.reason}) of bytes, but ${failure ?? "the app answered"}`;
  return { kind: "wrong", problem };
}

/** Where nobody gets the request, nobody gets a copy. */
function copiesOf({ verdict, copies }: Explanation): number {
  if (verdict === "no-endpoints") return 0;
  return copies.filter(({ backend, share }) => backend !== null && share === 100).length;
}

/** Of a request that may have been sent to a backend without instances: Envoy copies what it sends on. */
function copiesMade(said: Explanation, { status, body }: Got): number {
  const isNotSent = status === 503 && body.includes("no healthy upstream");
  return isNotSent && said.branches.some(({ verdict }) => verdict === "no-endpoints") ? 0 : copiesOf(said);
}

interface Got {
  readonly status: number;
  readonly location: string | undefined;
  /** Values of one name with a comma between them, of those too that come once only. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What an app says of the request that reached it. */
interface Seen {
  readonly service: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What came otherwise than explained; `undefined` where nothing did. */
function disagreement(
  said: Explanation,
  got: Got,
  host: string,
  asked: RoutedRequest["headers"],
): string | undefined {
  const { status, location, body } = got;
  if (said.answer !== null) {
    const { answer } = said;
    if (status !== answer.status || location !== answer.location) {
      return `${status} ${location ?? body.slice(0, 200)} instead of ${answer.status} ${answer.location}`;
    }
    return undefined;
  }
  const possible = said.branches.filter(({ verdict }) => STATUS[verdict] === status);
  if (possible.length === 0) return `${status} ${body.slice(0, 200)}`;
  if (status !== 200) return undefined;
  const seen = JSON.parse(body) as Seen;
  if (!possible.some(({ backend }) => backend.startsWith(`${seen.service}:`)))
    return `${seen.service} answered`;
  if (seen.path !== said.sent?.path) return `the app saw ${seen.path} instead of ${said.sent?.path}`;
  const wanted = { ...asked, host: said.sent.host ?? host, ...said.sent.headers };
  const wrong = differing(seen.headers, wanted, [...Object.keys(wanted), ...AIRLINE]);
  if (wrong !== undefined) return `the app saw ${wrong}`;
  const { remove, set, add } = said.returned ?? { remove: [], set: [], add: [] };
  const answered = changedHeaders({ remove, set, add }, FROM_APPS);
  const back = differing(got.headers, { ...FROM_APPS, ...answered }, ["content-type", "x-airline-gate"]);
  return back === undefined ? undefined : `the caller got ${back}`;
}

/** Headers of applications' answers that sets change. */
const FROM_APPS = { "content-type": "application/json" };
/** Headers of requests that sets change. */
const AIRLINE = ["x-airline-class", "x-airline-seat", "x-airline-meal"];

/** Of headers that it knows Envoy joins the values without a space, which means the same. */
function listed(value: unknown): string | null {
  return value === undefined || value === null ? null : String(value).replaceAll(/,\s*/g, ", ");
}

/** One of these headers that is another than it should be. */
function differing(
  is: Readonly<Record<string, unknown>>,
  wanted: Readonly<Record<string, string | null>>,
  names: readonly string[],
): string | undefined {
  const name = names.find((each) => listed(is[each]) !== listed(wanted[each]));
  return name && `${name}: ${String(is[name])} instead of ${wanted[name]}`;
}

function kindOf(said: Explanation, { path }: RoutedRequest): string {
  const { verdict, route, sent, branches, returned } = said;
  if (verdict !== "allowed") return verdict;
  if (copiesOf(said) > 0) return "copied";
  if (sent?.headers !== undefined) return "other headers";
  if (returned !== null) return "other headers of the answer";
  if (new Set(branches.map(({ backend }) => backend)).size > 1) return "split";
  if (sent?.path !== path) return "rewritten";
  return route === null ? "allowed" : "allowed by a route";
}

function send(
  agent: Agent,
  host: string,
  port: number,
  { method, path, headers }: RoutedRequest,
): Promise<Got> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host, port, method, path, headers, agent, timeout: 10_000 }, (answer) => {
      let body = "";
      answer.setEncoding("utf8").on("data", (chunk: string) => {
        body += chunk;
      });
      answer.on("error", reject);
      answer.on("end", () =>
        resolve({
          status: answer.statusCode ?? 0,
          location: answer.headers.location,
          headers: joined(answer.rawHeaders),
          body,
        }),
      );
    });
    outgoing.on("timeout", () => outgoing.destroy(new Error(`${method} ${path}: no answer within 10 s`)));
    outgoing.on("error", reject);
    outgoing.end();
  });
}

function joined(raw: readonly string[]): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const [name, value] = [(raw[i] ?? "").toLowerCase(), raw[i + 1] ?? ""];
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
  }
  return headers;
}
