import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { TransparentDraft } from "@skein/policies";
import { meshPassthrough, type PassthroughPlan } from "@skein/policies/mesh-passthrough/policy";
import { valid } from "@skein/policies/testing/resources";
import { transparentDraft } from "@skein/policies/testing/transparent-drafts";
import type { Flow } from "./outside/flow.ts";
import { Perimeter } from "./outside/perimeter.ts";

/*
 * What leaves the mesh, with a real Envoy, redirected connections and real servers. Every case makes all the flows and
 * names those that pass: everything else must be refused.
 */

let perimeter: Perimeter;
before(async () => {
  perimeter = await Perimeter.create();
});
after(async () => {
  await perimeter?.[Symbol.asyncDispose]();
});

/** By name, every way that a client could go; `one` and `two` are machines outside, each with IPv4 and IPv6. */
function flows(): Readonly<Record<string, Flow>> {
  const all: Record<string, Flow> = {};
  for (const [host, { ipv4, ipv6 }] of [
    ["one", perimeter.one],
    ["two", perimeter.two],
  ] as const) {
    for (const name of ["example.com", "www.example.com", "x.deep.example.com", "other.org"]) {
      all[`http ${host}:80 ${name}`] = { kind: "http", address: ipv4, port: 80, name };
      if (name !== "other.org")
        all[`https ${host}:443 ${name}`] = { kind: "https", address: ipv4, port: 443, name };
    }
    all[`http ${host}:8080 example.com`] = { kind: "http", address: ipv4, port: 8080, name: "example.com" };
    all[`https ${host}:8443 example.com`] = { kind: "https", address: ipv4, port: 8443, name: "example.com" };
    all[`https ${host}:443`] = { kind: "https", address: ipv4, port: 443 };
    all[`h2c ${host}:50051 example.com`] = { kind: "h2c", address: ipv4, port: 50_051, name: "example.com" };
    all[`echo ${host}:9000`] = { kind: "echo", address: ipv4, port: 9000 };
    all[`greeting ${host}:22`] = { kind: "greeting", address: ipv4, port: 22 };
    all[`greeting ${host}:3306`] = { kind: "greeting", address: ipv4, port: 3306 };
    all[`http ${host}v6:80 example.com`] = { kind: "http", address: ipv6, port: 80, name: "example.com" };
    all[`https ${host}v6:443 example.com`] = { kind: "https", address: ipv6, port: 443, name: "example.com" };
    all[`echo ${host}v6:9000`] = { kind: "echo", address: ipv6, port: 9000 };
  }
  return all;
}

const EVERYTHING = [/^/];

interface Case {
  readonly about: string;
  /** `default` of the policies, those with the higher precedence last. */
  readonly policies: readonly (() => object)[];
  /** Mesh.networking.outbound.passthrough; both, where it makes no difference. */
  readonly passthrough?: boolean;
  /** Names of the flows that pass. */
  readonly passes: readonly (string | RegExp)[];
}

const matched = (...appendMatch: readonly object[]): object => ({ passthroughMode: "Matched", appendMatch });
const one = (): string => perimeter.one.ipv4;
const oneV6 = (): string => perimeter.one.ipv6;
const network = (): string => `${one()}/24`;

const cases: readonly Case[] = [
  { about: "no policy, the mesh lets out", policies: [], passthrough: true, passes: EVERYTHING },
  { about: "no policy, the mesh keeps in", policies: [], passthrough: false, passes: [] },
  { about: "All", policies: [() => ({ passthroughMode: "All" })], passes: EVERYTHING },
  {
    about: "None",
    policies: [() => ({ passthroughMode: "None", appendMatch: [{ type: "IP", value: one() }] })],
    passes: [],
  },
  { about: "nothing said", policies: [() => ({})], passes: [] },
  { about: "nothing matched", policies: [() => matched()], passes: [] },
  {
    about: "an address takes every stream of bytes, on every port",
    policies: [() => matched({ type: "IP", value: one() })],
    passes: [/ one:/],
  },
  {
    about: "an IPv6 address on one port",
    policies: [() => matched({ type: "IP", value: oneV6(), port: 9000, protocol: "tcp" })],
    passes: ["echo onev6:9000"],
  },
  {
    about: "a range on one port",
    policies: [() => matched({ type: "CIDR", value: network(), port: 22, protocol: "tcp" })],
    passes: [/^greeting .*:22$/],
  },
  {
    about: "mysql",
    policies: [() => matched({ type: "IP", value: one(), port: 3306, protocol: "mysql" })],
    passes: ["greeting one:3306"],
  },
  {
    about: "an exact domain over HTTP on one port",
    policies: [() => matched({ type: "Domain", value: "example.com", port: 80, protocol: "http" })],
    passes: [/^http (one|two)(v6)?:80 example.com$/],
  },
  {
    about: "an exact domain over HTTP on every port",
    policies: [() => matched({ type: "Domain", value: "example.com", protocol: "http" })],
    passes: [/^(http|h2c) .* example.com$/],
  },
  {
    about: "a wildcard domain over HTTP",
    policies: [() => matched({ type: "Domain", value: "*.example.com", port: 80, protocol: "http" })],
    passes: [/^http (one|two):80 (www|x\.deep)\.example.com$/],
  },
  {
    about: "HTTP/2 and gRPC",
    policies: [() => matched({ type: "Domain", value: "example.com", port: 50_051, protocol: "grpc" })],
    passes: [/^h2c .* example.com$/],
  },
  {
    about: "an exact domain over TLS on every port",
    policies: [() => matched({ type: "Domain", value: "example.com", protocol: "tls" })],
    passes: [/^https .* example.com$/],
  },
  {
    about: "a wildcard domain over TLS on one port",
    policies: [() => matched({ type: "Domain", value: "*.deep.example.com", port: 443, protocol: "tls" })],
    passes: [/^https .*:443 x.deep.example.com$/],
  },
  {
    about: "every TLS",
    policies: [() => matched({ type: "Domain", value: "*", protocol: "tls" })],
    passes: [/^https /],
  },
  {
    about: "an address over TLS and another over HTTP",
    policies: [
      () =>
        matched(
          { type: "IP", value: one(), port: 443, protocol: "tls" },
          { type: "IP", value: perimeter.two.ipv4, port: 80, protocol: "http" },
        ),
    ],
    passes: [/^https one:443/, /^http two:80 /],
  },
  {
    about: "entries of all kinds: none takes anything from another",
    policies: [
      () =>
        matched(
          { type: "IP", value: one(), port: 80, protocol: "tls" },
          { type: "IP", value: one(), port: 443, protocol: "http" },
          { type: "Domain", value: "example.com", protocol: "http" },
          { type: "Domain", value: "*.example.com", port: 443, protocol: "tls" },
          { type: "CIDR", value: network(), port: 22, protocol: "tcp" },
        ),
    ],
    passes: [
      /^(http|h2c) .* example.com$/,
      /^https (one|two):443 (www|x\.deep)\.example.com$/,
      /^greeting .*:22$/,
    ],
  },
  {
    about: "two policies that speak differently of one port",
    policies: [
      () => matched({ type: "Domain", value: "example.com", port: 80, protocol: "http2" }),
      () =>
        matched(
          { type: "Domain", value: "example.com", port: 80, protocol: "http" },
          { type: "Domain", value: "www.example.com", port: 80, protocol: "http" },
        ),
    ],
    passes: [/^http .*:80 (www\.)?example.com$/],
  },
];

for (const { about, policies, passthrough, passes } of cases) {
  for (const isOpen of passthrough === undefined ? [true, false] : [passthrough]) {
    test(`${about}; mesh passthrough ${isOpen ? "on" : "off"}`, async () => {
      const { results } = await made(policies, isOpen);
      const passed = [...results].filter(([, { outcome }]) => outcome === "passes").map(([name]) => name);
      const expected = Object.keys(flows()).filter((name) =>
        passes.some((each) => (typeof each === "string" ? each === name : each.test(name))),
      );
      assert.ok(expected.length > 0 || passes.length === 0, "the case names flows that there are");
      assert.deepEqual(passed.sort(), expected.sort(), JSON.stringify([...results], null, 1));
    });
  }
}

test("a server that speaks first is not kept waiting where entries are for bytes alone, and little elsewhere", async () => {
  const only = await made(
    [
      () =>
        matched(
          { type: "IP", value: one(), port: 22 },
          { type: "Domain", value: "example.com", port: 443, protocol: "tls" },
        ),
    ],
    true,
  );
  const alone = only.results.get("greeting one:22");
  assert.equal(alone?.outcome, "passes");
  const shared = await made(
    [
      () =>
        matched(
          { type: "IP", value: one(), port: 22 },
          { type: "Domain", value: "example.com", protocol: "tls" },
        ),
    ],
    true,
  );
  const waited = shared.results.get("greeting one:22");
  assert.equal(waited?.outcome, "passes");
  // Envoy counts from the time its event loop woke, so its two seconds may end a little before ours.
  assert.ok(waited.ms >= 1_990, `it took ${waited.ms} ms`);
  assert.ok(only.timeouts === 0, "no inspector gave up");
  assert.ok(shared.timeouts > 0, "an inspector gave up");
});

test("requests go out as the application sends them, but for what belongs to a hop, and the scheme that Envoy adds", async () => {
  const flow: Flow = { kind: "headers", address: one(), port: 80 };
  const draft = translated([() => matched({ type: "IP", value: one(), port: 80, protocol: "http" })], true);
  const [through] = await perimeter.withProxy(draft, async () => await perimeter.call([flow]));
  const [straight] = await perimeter.withProxy(
    translated([], true),
    async () => await perimeter.call([flow]),
  );
  assert.match(straight?.outcome ?? "", / connection host /);
  assert.equal(through?.outcome, `${straight?.outcome.replace(" connection ", " ")} x-forwarded-proto`);
});

async function made(policies: Case["policies"], passthrough: boolean) {
  return await perimeter.withProxy(translated(policies, passthrough), async (proxy) => {
    const names = Object.entries(flows());
    const answers = await perimeter.call(names.map(([, flow]) => flow));
    const results = new Map(
      names.map(([name], i) => [name, answers[i] ?? assert.fail(`${name} was not made`)] as const),
    );
    return { results, timeouts: await proxy.timeouts() };
  });
}

function translated(policies: Case["policies"], passthrough: boolean): TransparentDraft {
  const resources = policies.map((conf, i) =>
    valid(meshPassthrough.kind, { default: conf() }, { name: `p${policies.length - i}` }),
  );
  const plan = meshPassthrough.planProxy?.({ policies: resources, mesh: "default" }) as
    | PassthroughPlan
    | undefined;
  const draft = transparentDraft({ passthrough });
  meshPassthrough.translateTransparent?.(plan, draft);
  return draft;
}
