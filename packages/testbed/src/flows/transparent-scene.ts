import assert from "node:assert/strict";
import { chownSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import type { EchoAnswer } from "../apps/answer.ts";
import { createNetwork, type Network } from "../net/network.ts";
import type { NetworkHost } from "../net/network-host.ts";
import { until } from "../poll.ts";
import type { Child } from "../process/child.ts";
import { adminStats } from "../world/admin.ts";
import { createWorld, type World } from "../world/world.ts";
import { MESH } from "./scene.ts";

/** The user whose connections the rules leave alone. */
const PROXY_USER = "kuma-dp";
const PROXY_UID = 5678;
/** The user of all applications. */
export const APP_UID = 4321;

/** A host on which connections are redirected to a proxy. */
export interface ProxiedSpec {
  /** Fields of the Dataplane's `networking` beside its address. */
  readonly networking: object;
  readonly labels?: Readonly<Record<string, string>>;
  /** Further arguments of `skein-dp run`. */
  readonly args: readonly string[];
  /** Further arguments of `skeinctl install transparent-proxy`; `false`: the host's connections are left alone. */
  readonly installArgs?: readonly string[] | false;
}

/** A running proxy. */
export interface RunningProxy {
  readonly child: Child;
  stats(filter: string): Promise<ReadonlyMap<string, number>>;
}

/** What came of a call. */
export interface Reply {
  /** 0 where no answer came. */
  readonly status: number;
  readonly answer: Partial<EchoAnswer>;
  /** Why none came, in curl's words. */
  readonly error: string;
}

/** A control plane on this machine, and hosts of their own whose connections are redirected by real rules. */
export class TransparentScene {
  readonly world: World;
  readonly network: Network;

  constructor(world: World, network: Network) {
    this.world = world;
    this.network = network;
  }

  host(name: string): NetworkHost {
    return this.network.host(name);
  }

  /** Starts an application that listens on every address of a host (`0.0.0.0`: of IPv4), and waits until it answers there. */
  async startApp(name: string, port = 8080, service = name, address = "::"): Promise<Child> {
    const host = this.host(name);
    const words = [
      ...this.world.commands.app,
      "--service",
      service,
      "--address",
      address,
      "--port",
      String(port),
    ];
    const child = await host.start(`app-${port}`, words, { as: { uid: APP_UID } });
    await until(`the application at ${name}:${port} answers`, async () => {
      const { status } = await this.call(name, `http://127.0.0.1:${port}/healthz`);
      return status === 200;
    });
    return child;
  }

  /** Redirects a host's connections, unless told otherwise, and starts its proxy, by root, as `--user` has it. */
  async startProxy(name: string, spec: ProxiedSpec): Promise<RunningProxy> {
    const host = this.host(name);
    const dir = join(this.network.dir, name);
    mkdirSync(dir);
    const files = {
      dataplane: join(dir, "dataplane.yaml"),
      token: join(dir, "token"),
      ca: join(dir, "ca.pem"),
      workDir: join(dir, "w"),
    };
    const { labels = {}, networking, installArgs = [] } = spec;
    writeFileSync(
      files.dataplane,
      stringify({
        type: "Dataplane",
        mesh: MESH,
        name,
        labels: { app: name, "kuma.io/workload": name, ...labels },
        networking: { address: host.ipv4, ...networking },
      }),
    );
    writeFileSync(files.token, await this.#token(name), { mode: 0o600 });
    copyFileSync(this.world.controlPlane.caFile, files.ca);
    chownSync(files.token, PROXY_UID, PROXY_UID);
    host.users([{ name: PROXY_USER, uid: PROXY_UID }]);
    if (installArgs !== false) {
      await host.check([...this.world.commands.ctl, "install", "transparent-proxy", ...installArgs], {
        timeoutMs: 120_000,
      });
    }
    const port = new URL(this.world.controlPlane.dataplanes).port;
    const words = [
      ...this.world.commands.dataPlane,
      ...["run", "--user", PROXY_USER, "--dataplane-file", files.dataplane],
      ...["--cp-address", `https://${this.network.uplink?.ipv4}:${port}`, "--ca-cert-file", files.ca],
      ...["--dataplane-token-file", files.token, "--work-dir", files.workDir, "--concurrency", "2"],
      ...["--binary-path", this.world.commands.envoy, "--drain-time", "2s", "--envoy-log-level", "warning"],
      ...spec.args,
    ];
    const child = await host.start("proxy", words);
    await until(
      `the proxy of ${name} is ready`,
      async () => {
        if (!child.running) return true;
        return (await this.call(name, "http://127.0.0.1:9902/ready")).status === 200;
      },
      { timeoutMs: 60_000 },
    );
    if (!child.running) throw new Error(`the proxy of ${name} ended:\n${child.tail()}`);
    return { child, stats: (filter) => adminStats(join(files.workDir, "kuma-envoy-admin.sock"), filter) };
  }

  /** Calls as the application of a host does. A call that hangs is an error. */
  async call(from: string, url: string): Promise<Reply> {
    const words = ["curl", "-gsS", "--max-time", "20", "-w", "\n%{http_code}", url];
    const { code, stdout, stderr } = await this.host(from).run(words, { as: { uid: APP_UID } });
    assert.notEqual(code, 28, `${url} from ${from} hangs: ${stderr}`);
    const at = stdout.lastIndexOf("\n");
    const status = Number(stdout.slice(at + 1));
    const body = stdout.slice(0, at);
    return {
      status,
      answer: status === 200 && body.startsWith("{") ? JSON.parse(body) : {},
      error: stderr.trim(),
    };
  }

  /** Waits until a call is answered. */
  async reaches(from: string, url: string): Promise<Reply> {
    return await until(
      `${url} from ${from} is answered`,
      async () => {
        const reply = await this.call(from, url);
        if (reply.status !== 200) throw new Error(`${reply.status} ${reply.error}`);
        return reply;
      },
      { timeoutMs: 30_000 },
    );
  }

  /** Waits until a call comes to no answer, and says how. */
  async isRefused(from: string, url: string): Promise<string> {
    return await until(
      `${url} from ${from} is refused`,
      async () => {
        const { status, error } = await this.call(from, url);
        if (status !== 0) throw new Error(`it was answered with ${status}`);
        return error;
      },
      { timeoutMs: 30_000 },
    );
  }

  async #token(name: string): Promise<string> {
    const answer = await fetch(`${this.world.controlPlane.api}/tokens/dataplane`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name, mesh: MESH, validFor: "24h" }),
    });
    assert.ok(answer.ok, `no token for ${name}: ${answer.status}`);
    return (await answer.text()).trim();
  }
}

/** A control plane with these documents, and hosts without anything. When `body` fails, all logs are printed. */
export async function withTransparentScene(
  options: { readonly hosts: readonly string[]; readonly documents: string },
  body: (scene: TransparentScene) => Promise<void>,
): Promise<void> {
  // Before the control plane, whose certificate names the addresses that this machine has.
  await using network = await createNetwork({ hosts: options.hosts, uplink: true });
  await using world = await createWorld();
  try {
    await world.startControlPlane();
    await world.apply(options.documents);
    await body(new TransparentScene(world, network));
  } catch (error) {
    process.stderr.write(`${world.logs()}\n${network.logs()}\n`);
    throw error;
  }
}
