import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeTestCertificate } from "@skein/control-plane/xds/testing/certificate";
import { ENVOY } from "@skein/control-plane/xds/testing/envoy-process";
import { ClusterSchema } from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import { ListenerSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_pb";
import type { TransparentDraft } from "@skein/policies";
import { json } from "@skein/policies/testing/drafts";
import { createNetwork, type Network } from "../../net/network.ts";
import type { NetworkHost } from "../../net/network-host.ts";
import { until } from "../../poll.ts";
import { adminStats, askAdmin } from "../../world/admin.ts";
import type { Flow, FlowResult } from "./flow.ts";

const NODE = process.execPath;
const PROXY_UID = 5678;
const APP_UID = 1234;

export interface PerimeterProxy {
  /** How often an inspector gave up waiting for a client's first bytes. */
  timeouts(): Promise<number>;
}

/**
 * A machine with an application and a proxy that gets all its connections, and two machines outside: `one` and `two`,
 * which both run every server. Certificates are for `example.com` and the names below.
 */
export class Perimeter implements AsyncDisposable {
  readonly one: NetworkHost;
  readonly two: NetworkHost;
  readonly #network: Network;
  readonly #app: NetworkHost;
  #envoys = 0;

  static async create(): Promise<Perimeter> {
    const perimeter = new Perimeter(await createNetwork({ hosts: ["app", "one", "two"] }));
    try {
      await perimeter.#prepare();
      return perimeter;
    } catch (error) {
      await perimeter[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(network: Network) {
    this.#network = network;
    this.#app = network.host("app");
    this.one = network.host("one");
    this.two = network.host("two");
  }

  /** Runs a real Envoy with these listeners and clusters while `body` lasts. */
  async withProxy<Result>(
    draft: TransparentDraft,
    body: (proxy: PerimeterProxy) => Promise<Result>,
  ): Promise<Result> {
    const number = this.#envoys++;
    const dir = join(this.#network.dir, `envoy-${number}`);
    mkdirSync(dir);
    chmodSync(dir, 0o777);
    const admin = join(dir, "admin.sock");
    writeFileSync(join(dir, "bootstrap.json"), JSON.stringify(bootstrap(draft, admin)));
    const words = [ENVOY, "-c", join(dir, "bootstrap.json"), "--disable-hot-restart"];
    const options = ["--concurrency", "1", "-l", "warning"];
    const envoy = await this.#app.start(`envoy-${number}`, [...words, ...options], {
      as: { uid: PROXY_UID },
    });
    try {
      await until("Envoy is ready", async () => (await askAdmin(admin, "/ready")).startsWith("LIVE"), {
        timeoutMs: 30_000,
      }).catch((error: unknown) => {
        throw new Error(`${String(error)}\n${envoy.tail()}`);
      });
      return await body({ timeouts: () => timeouts(admin) });
    } finally {
      await envoy.stop();
    }
  }

  /** Has the application make these calls at once. */
  async call(flows: readonly Flow[]): Promise<readonly FlowResult[]> {
    const words = [NODE, join(import.meta.dirname, "client.ts"), join(this.#network.dir, "ca.pem")];
    const output = await this.#app.check(words, { as: { uid: APP_UID }, stdin: JSON.stringify(flows) });
    return JSON.parse(output) as readonly FlowResult[];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#network[Symbol.asyncDispose]();
  }

  async #prepare(): Promise<void> {
    const { certPem: certificate, keyPem: key } = await makeTestCertificate([
      "example.com",
      "*.example.com",
      "*.deep.example.com",
    ]);
    const files = [join(this.#network.dir, "ca.pem"), join(this.#network.dir, "key.pem")] as const;
    writeFileSync(files[0], certificate);
    writeFileSync(files[1], key);
    for (const host of [this.one, this.two]) {
      const servers = await host.start("servers", [NODE, join(import.meta.dirname, "servers.ts"), ...files]);
      await until("the servers listen", () => servers.tail().includes("all listen"), { timeoutMs: 30_000 });
    }
    for (const command of ["iptables", "ip6tables"]) {
      const owner = ["-m", "owner", "!", "--uid-owner", String(PROXY_UID)];
      const redirect = ["-j", "REDIRECT", "--to-ports", "15001"];
      await this.#app.check([
        ...[command, "-t", "nat", "-A", "OUTPUT", "-p", "tcp", "!", "-o", "lo"],
        ...owner,
        ...redirect,
      ]);
    }
  }
}

async function timeouts(admin: string): Promise<number> {
  const counters = await adminStats(admin, "downstream_pre_cx_timeout$");
  return [...counters.values()].reduce((sum, each) => sum + each, 0);
}

function bootstrap({ listeners, clusters }: TransparentDraft, adminSocket: string): unknown {
  const all = [listeners.ipv4, listeners.ipv6].filter((each) => each !== undefined);
  return {
    admin: { address: { pipe: { path: adminSocket } } },
    static_resources: {
      listeners: all.map((each) => json(ListenerSchema, each)),
      clusters: [...clusters.values()].map((each) => json(ClusterSchema, each)),
    },
  };
}
