import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Talk } from "../apps/talk.ts";
import { outsideCa } from "../outside/ca.ts";
import { until } from "../poll.ts";
import { ALLOW_ALL, identity, LEGACY_MTLS, meshTls } from "./documents.ts";
import { applied, documents, inSync, meshYaml, policy, resource } from "./scene.ts";
import {
  APP_UID,
  type RunningProxy,
  type TransparentScene,
  withTransparentScene,
} from "./transparent-scene.ts";

/* One application for each protocol that an inbound may name, all of one service, which is called by name. */

const PORTS = {
  http: 8080,
  http2: 8081,
  grpc: 8082,
  tcp: 8083,
  tls: 8084,
  kafka: 8085,
  mysql: 8086,
} as const;
type Protocol = keyof typeof PORTS;
/** Of these the proxy sees requests. */
const HTTP: readonly Protocol[] = ["http", "http2", "grpc"];
/** The application speaks first, as servers of MySQL do. */
const GREETING: readonly Protocol[] = ["tcp", "kafka", "mysql"];
const NAME = "airline.svc.mesh.local";
const UNIFIED = ["--transparent-proxy", "--unified-naming"];

/** The call of gRPC's health service: a frame without content. */
const FRAME = Buffer.alloc(5);

class Airline {
  readonly scene: TransparentScene;
  readonly ca: string;
  readonly frame: string;
  proxies: { readonly portal: RunningProxy; readonly airline: RunningProxy } | undefined;

  constructor(scene: TransparentScene) {
    this.scene = scene;
    this.ca = join(scene.network.dir, "airline-ca.pem");
    this.frame = join(scene.network.dir, "frame");
  }

  async start(): Promise<void> {
    const { scene } = this;
    const ca = await outsideCa("the airline's own");
    const { cert, key } = await ca.issue("airline", [NAME, scene.host("airline").ipv4]);
    const own = join(scene.network.dir, "airline.pem");
    writeFileSync(this.ca, ca.pem);
    writeFileSync(own, cert + key);
    writeFileSync(this.frame, FRAME);
    const mode: Record<Protocol, readonly string[]> = {
      ...{
        http: [],
        http2: ["--grpc"],
        grpc: ["--grpc"],
        tcp: ["--tcp"],
        kafka: ["--tcp"],
        mysql: ["--tcp"],
      },
      tls: ["--tls", own],
    };
    const host = scene.host("airline");
    await Promise.all([
      scene.startApp("portal"),
      scene.startApp("stranger"),
      ...Object.entries(PORTS).map(async ([protocol, port]) => {
        const words = [...scene.world.commands.app, "--service", protocol, "--address", "::"];
        const own = mode[protocol as Protocol];
        const child = await host.start(`app-${protocol}`, [...words, "--port", String(port), ...own], {
          as: { uid: APP_UID },
        });
        await until(`the application of ${protocol} listens`, () => child.tail().includes("listens on"));
      }),
    ]);
    const inbound = Object.entries(PORTS).map(([protocol, port]) => ({ port, name: protocol, protocol }));
    for (const name of ["portal", "stranger"]) scene.host(name).resolvers(["192.0.2.53"]);
    const [portal, airline] = await Promise.all([
      scene.startProxy("portal", {
        networking: { inbound: [{ port: 8080, protocol: "http" }] },
        args: UNIFIED,
        installArgs: ["--redirect-dns"],
      }),
      scene.startProxy("airline", { networking: { inbound }, args: UNIFIED }),
    ]);
    this.proxies = { portal, airline };
  }

  /** Calls the application of a protocol as its clients do, and waits until it answers as it should. */
  async answers(from: string, protocol: Protocol, host: string): Promise<void> {
    await until(
      `${protocol} at ${host} answers ${from}`,
      async () => {
        await this.#call(from, protocol, host);
        return true;
      },
      { timeoutMs: 40_000 },
    );
  }

  async #call(from: string, protocol: Protocol, host: string): Promise<void> {
    const at = `${host}:${PORTS[protocol]}`;
    if (GREETING.includes(protocol)) {
      const talk = JSON.parse(
        await this.#curl(from, [`http://127.0.0.1:8080/talk?url=http://${at}`]),
      ) as Talk;
      assert.deepEqual(talk, { greeting: protocol, answered: true });
    } else if (protocol === "grpc") {
      const trailers = await this.#curl(from, [
        ...["--http2-prior-knowledge", "-i", "-o", "-", "-H", "content-type: application/grpc"],
        ...["-H", "te: trailers", "--data-binary", `@${this.frame}`],
        `http://${at}/grpc.health.v1.Health/Check`,
      ]);
      assert.match(trailers, /grpc-status: 0\r?$/m);
    } else {
      const how = {
        http: [`http://${at}/`],
        http2: ["--http2-prior-knowledge", `http://${at}/`],
        tls: ["--cacert", this.ca, `https://${at}/`],
      }[protocol as "http" | "http2" | "tls"];
      const answer = JSON.parse(await this.#curl(from, how)) as { service: string; caller?: string };
      assert.equal(answer.service, protocol);
    }
  }

  async #curl(from: string, words: readonly string[]): Promise<string> {
    return await this.scene
      .host(from)
      .check(["curl", "-gsS", "--max-time", "30", ...words], { as: { uid: APP_UID } });
  }
}

/** Every protocol one after the other: each is a test of its own. */
async function eachAnswers(t: TestContext, airline: Airline, from: string, host: string): Promise<void> {
  for (const protocol of Object.keys(PORTS) as Protocol[])
    await t.test(`${protocol} from ${from} by ${host === NAME ? "name" : "address"}`, () =>
      airline.answers(from, protocol, host),
    );
}

async function sum(proxy: RunningProxy | undefined, filter: string): Promise<number> {
  return [...((await proxy?.stats(filter)) ?? new Map()).values()].reduce((total, value) => total + value, 0);
}

for (const [how, prepare] of [
  ["a MeshIdentity", documents(meshYaml(), identity(), ALLOW_ALL)],
  [
    "mTLS of the mesh and Everywhere",
    documents(
      meshYaml({ ...LEGACY_MTLS, meshServices: { mode: "Everywhere" } }),
      policy("MeshTrafficPermission", "everybody", {
        from: [{ targetRef: { kind: "Mesh" }, default: { action: "Allow" } }],
      }),
    ),
  ],
] as const) {
  test(`every protocol by name, with ${how}`, async (t) => {
    await withTransparentScene(
      { hosts: ["portal", "airline", "stranger"], documents: prepare },
      async (scene) => {
        const airline = new Airline(scene);
        await airline.start();
        await eachAnswers(t, airline, "portal", NAME);
        await inSync(scene.world);
        const { proxies } = airline;

        await t.test("inside the mesh's TLS, whatever the application speaks", async () => {
          for (const [protocol, port] of Object.entries(PORTS)) {
            const cluster = `^cluster\\..*(airline.*[_.]${port}|_${protocol})\\.ssl\\.handshake$`;
            assert.ok((await sum(proxies?.portal, cluster)) > 0, `${protocol} is encrypted`);
          }
          // Requests are seen of those only that are HTTP; inbounds have these names in the mode Exclusive.
          for (const protocol of how === "a MeshIdentity" ? (Object.keys(PORTS) as Protocol[]) : []) {
            const seen = await sum(
              proxies?.airline,
              `^http\\.self_inbound_dp_${protocol}\\.downstream_rq_2xx$`,
            );
            assert.equal(seen > 0, HTTP.includes(protocol), protocol);
          }
        });

        if (how !== "a MeshIdentity") return;
        await t.test("a rule about requests on a port of bytes is told to be without effect", async () => {
          const rule = (name: string, sectionName: string) =>
            policy("MeshTimeout", name, {
              to: [
                {
                  targetRef: { kind: "MeshService", name: "airline", sectionName },
                  default: { http: { requestTimeout: "5s" } },
                },
              ],
            });
          for (const protocol of Object.keys(PORTS) as Protocol[]) {
            const { stdout, stderr } = await scene.world.apply(rule(`of-${protocol}`, protocol));
            const isWarned = /speaks tcp only, so its HTTP part has no effect/.test(stdout + stderr);
            assert.equal(isWarned, !HTTP.includes(protocol), `${protocol}: ${stdout}${stderr}`);
          }
          const unknown = resource("MeshService", "mail", {
            spec: {
              selector: { dataplaneLabels: { matchLabels: { app: "airline" } } },
              ports: [{ port: 25, targetPort: PORTS.mysql, appProtocol: "smtp" }],
            },
          });
          const { stdout, stderr } = await scene.world.apply(unknown);
          assert.match(stdout + stderr, /"smtp" is not known and is treated as tcp/);
          const at = "http://127.0.0.1:8080/talk?url=http://mail.svc.mesh.local:25";
          await until(
            "a port of a protocol that nobody knows is carried as bytes",
            async () =>
              JSON.stringify((await scene.call("portal", at)).answer) ===
              JSON.stringify({ greeting: "mysql", answered: true }),
            { timeoutMs: 30_000 },
          );
        });

        await applied(scene.world, meshTls({ mode: "Permissive" }));
        const { ipv4 } = scene.host("airline");
        await eachAnswers(t, airline, "stranger", ipv4);
        await eachAnswers(t, airline, "portal", NAME);
      },
    );
  });
}
