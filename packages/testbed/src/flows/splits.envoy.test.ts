import assert from "node:assert/strict";
import { type ClientHttp2Session, connect } from "node:http2";
import { test } from "node:test";
import { until } from "../poll.ts";
import type { ServiceSpec } from "../world/service.ts";
import { withWorld } from "../world/world.ts";
import { grpcCall } from "./grpc-client.ts";
import { applied, deleted, documents, openMeshYaml, policy, resource } from "./scene.ts";
import { assertShare } from "./shares.ts";
import { greeter } from "./who-answers.ts";

const DRAWS = 1_000;
/** Requests at a time: fewer than any limit of the way. */
const ABREAST = 50;
const UNAVAILABLE = 14;

/** One service for each protocol, of which each instance has a version. */
const SERVICES = {
  flights: { port: 10_001, hosts: [21, 22, 23], app: { grpc: true } },
  fares: { port: 10_002, hosts: [31, 32, 33], app: { grpc: true, protocol: "http2" } },
  "flight-control": { port: 10_003, hosts: [41, 42, 43], app: { tcp: true } },
} as const;
type Name = keyof typeof SERVICES;
const NAMES = Object.keys(SERVICES) as Name[];

/** Instance 1 is of version 1, all later ones are of version 2. */
const versionOf = (n: number): string => (n === 1 ? "v1" : "v2");
const instance = (service: Name, n: number): ServiceSpec => ({
  service,
  instance: `${service}-${n}`,
  host: SERVICES[service].hosts[n - 1] as number,
  labels: { version: `${service}-${versionOf(n)}` },
  ...SERVICES[service].app,
});
const versionService = (service: Name, version: string): string =>
  resource("MeshService", `${service}-${version}`, {
    spec: {
      selector: { dataplaneLabels: { matchLabels: { version: `${service}-${version}` } } },
      ports: [
        {
          port: 8080,
          targetPort: 8080,
          appProtocol: { flights: "grpc", fares: "http2", "flight-control": "tcp" }[service],
        },
      ],
    },
  });
const toVersion = (service: Name, version: string, weight = 1): object => ({
  kind: "MeshService",
  name: `${service}-${version}`,
  port: 8080,
  weight,
});
const route = (type: "MeshHTTPRoute" | "MeshTCPRoute", service: Name, ...rules: readonly object[]): string =>
  policy(type, service, { to: [{ targetRef: { kind: "MeshService", name: service }, rules }] });
const split = (service: Name): readonly object[] => [
  toVersion(service, "v1", 90),
  toVersion(service, "v2", 10),
];
const ROOT = { path: { type: "PathPrefix", value: "/" } };

test("what is split by weights, and what is chosen by method, on every protocol", async (t) => {
  await withWorld(async (world) => {
    await world.startControlPlane();
    await world.apply(openMeshYaml());
    await world.apply(
      documents(...NAMES.flatMap((name) => ["v1", "v2"].map((version) => versionService(name, version)))),
    );
    await Promise.all([
      world.startService({
        service: "passenger-portal",
        host: 11,
        outbounds: NAMES.map((service) => ({ service, port: SERVICES[service].port })),
      }),
      ...NAMES.flatMap((name) => [1, 2].map((n) => world.startService(instance(name, n)))),
    ]);
    const host = world.site.block.address(11);
    const [flights, fares] = (["flights", "fares"] as const).map((name) =>
      connect(`http://${host}:${SERVICES[name].port}`),
    ) as [ClientHttp2Session, ClientHttp2Session];
    t.after(() => {
      flights.close();
      fares.close();
    });
    const call = (asked: Readonly<Record<string, string>> = {}) => grpcCall(flights, asked);
    /** Which instance answers one more request, call or connection. */
    const asking: Readonly<Record<Name, () => Promise<string>>> = {
      flights: async () => (await call()).instance,
      fares: () => whoAnswers(fares),
      "flight-control": () => greeter(host, SERVICES["flight-control"].port),
    };
    const answers = async (name: Name, count: number): Promise<readonly string[]> => {
      const seen: string[] = [];
      while (seen.length < count) {
        seen.push(
          ...(await Promise.all(
            Array.from({ length: Math.min(ABREAST, count - seen.length) }, () => asking[name]()),
          )),
        );
      }
      return seen;
    };
    const areCalled = (name: Name, count: number): Promise<unknown> =>
      until(
        `all ${count} instances of ${name} answer`,
        async () => new Set((await answers(name, ABREAST)).filter(Boolean)).size === count,
        { timeoutMs: 60_000 },
      );
    const isSplit = async (name: Name): Promise<void> => {
      const seen = await answers(name, DRAWS);
      assert.ok(
        seen.every((each) => each.startsWith(`${name}-`)),
        "every one is answered",
      );
      assertShare(seen.filter((each) => each !== `${name}-1`).length, DRAWS, 0.1, `version 2 of ${name}`);
    };
    for (const name of NAMES) await areCalled(name, 2);

    await t.test("ninety to ten, of two instances", async () => {
      await applied(
        world,
        documents(
          route("MeshHTTPRoute", "flights", { matches: [ROOT], default: { backendRefs: split("flights") } }),
          route("MeshHTTPRoute", "fares", { matches: [ROOT], default: { backendRefs: split("fares") } }),
          route("MeshTCPRoute", "flight-control", { default: { backendRefs: split("flight-control") } }),
        ),
      );
      for (const name of NAMES) await isSplit(name);
    });

    await t.test("it stays so when a version gets more instances", async () => {
      await Promise.all(NAMES.map((name) => world.startService(instance(name, 3))));
      for (const name of NAMES) await areCalled(name, 3);
      for (const name of NAMES) await isSplit(name);
    });

    await t.test("requests of HTTP/2 are shared out by a MeshTCPRoute too", async () => {
      await applied(
        world,
        route("MeshTCPRoute", "fares", {
          default: { backendRefs: [toVersion("fares", "v1", 10), toVersion("fares", "v2", 90)] },
        }),
      );
      await isSplit("fares");
      await deleted(world, "meshhttproute", "fares");
      const seen = await answers("fares", DRAWS);
      assertShare(seen.filter((each) => each === "fares-1").length, DRAWS, 0.1, "version 1 of fares");
    });

    await t.test("methods and metadata of gRPC choose", async () => {
      const v2Only = { backendRefs: [toVersion("flights", "v2")] };
      const method = (path: string): Record<string, string> => ({ ":path": path });
      await applied(
        world,
        route(
          "MeshHTTPRoute",
          "flights",
          { matches: [{ path: { type: "Exact", value: "/airline.Flights/Book" } }], default: v2Only },
          { matches: [{ path: { type: "PathPrefix", value: "/airline.Gates" } }], default: v2Only },
          {
            matches: [{ path: { type: "RegularExpression", value: "/airline\\.Crew/(List|Find)" } }],
            default: v2Only,
          },
          {
            matches: [{ headers: [{ name: "x-airline-canary", type: "Exact", value: "yes" }] }],
            default: v2Only,
          },
          {
            matches: [
              {
                path: { type: "Exact", value: "/airline.Flights/Cancel" },
                headers: [{ name: "x-airline-trace-bin", type: "Present" }],
              },
            ],
            default: v2Only,
          },
          // After all others: a prefix would come before expressions, and before what has no path.
          {
            matches: [{ headers: [{ name: "content-type", type: "Prefix", value: "application/grpc" }] }],
            default: { backendRefs: [toVersion("flights", "v1")] },
          },
        ),
      );
      const table: readonly [version: string, asked: Readonly<Record<string, string>>][] = [
        ["v1", {}],
        ["v2", method("/airline.Flights/Book")],
        ["v1", method("/airline.Flights/BookAll")],
        ["v1", method("/airline.Flights/book")],
        ["v2", method("/airline.Gates/Open")],
        ["v1", method("/airline.GatesOfOthers/Open")],
        ["v2", method("/airline.Crew/Find")],
        ["v1", method("/airline.Crew/FindAll")],
        ["v2", { "x-airline-canary": "yes" }],
        ["v1", { "x-airline-canary": "yes, no" }],
        ["v1", method("/airline.Flights/Cancel")],
        ["v2", { ...method("/airline.Flights/Cancel"), "x-airline-trace-bin": "AAEC" }],
      ];
      for (const [version, asked] of table) {
        // One version has two instances: neither of them is the other version's.
        for (let i = 0; i < 3; i++) {
          const { grpcStatus, instance: name } = await call(asked);
          assert.equal(grpcStatus, 0);
          assert.equal(versionOf(Number(name.split("-").at(-1))), version, JSON.stringify(asked));
        }
      }
    });

    await t.test("metadata and methods of gRPC are changed on the way", async () => {
      const backendRefs = [toVersion("flights", "v1")];
      await applied(
        world,
        route("MeshHTTPRoute", "flights", {
          matches: [{ path: { type: "PathPrefix", value: "/airline.Flights" } }],
          default: {
            backendRefs,
            filters: [
              {
                type: "URLRewrite",
                urlRewrite: {
                  path: { type: "ReplacePrefixMatch", replacePrefixMatch: "/airline.v2.Flights" },
                },
              },
              {
                type: "RequestHeaderModifier",
                requestHeaderModifier: {
                  set: [{ name: "x-airline-set", value: "50%" }],
                  add: [{ name: "x-airline-add", value: "two" }],
                  remove: ["x-airline-gone"],
                },
              },
              {
                type: "ResponseHeaderModifier",
                responseHeaderModifier: {
                  set: [{ name: "x-airline-answer", value: "yes" }],
                  remove: ["x-airline-service"],
                },
              },
            ],
          },
        }),
      );
      const asked = { "x-airline-set": "old", "x-airline-add": "one", "x-airline-gone": "x" };
      const changed = await call({ ":path": "/airline.Flights/Book", ...asked });
      assert.deepEqual(
        [changed.grpcStatus, changed.instance, changed.path],
        [0, "flights-1", "/airline.v2.Flights/Book"],
      );
      assert.deepEqual(changed.seen, { "x-airline-set": "50%", "x-airline-add": "one, two" });
      assert.equal(changed.headers["x-airline-answer"], "yes");
      assert.equal(changed.headers["x-airline-service"], undefined);
      const other = await call({ ":path": "/airline.Gates/Open", ...asked });
      assert.deepEqual([other.grpcStatus, other.path], [0, "/airline.Gates/Open"]);
      assert.deepEqual(other.seen, asked);
      assert.equal(other.headers["x-airline-service"], "flights");
    });

    await t.test("a call that nobody can serve is unavailable, in headers alone", async () => {
      const nowhere = { kind: "MeshService", name: "nowhere", port: 8080 };
      await applied(
        world,
        route("MeshHTTPRoute", "flights", { matches: [ROOT], default: { backendRefs: [nowhere] } }),
      );
      const { grpcStatus, message, instance: name } = await call({ ":path": "/airline.Flights/Book" });
      assert.deepEqual([grpcStatus, name], [UNAVAILABLE, ""]);
      assert.match(message, /no backend of route .*flights.* can be served/);
    });
  });
});

/** Which instance answers a request of HTTP/2 that is no call. */
function whoAnswers(session: ClientHttp2Session): Promise<string> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ":path": "/" });
    let body = "";
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      body += chunk;
    });
    stream.on("error", reject);
    stream.on("end", () => resolve(/"instance":\s*"([^"]*)"/.exec(body)?.[1] ?? ""));
    stream.end();
  });
}
