import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "../poll.ts";
import type { Child } from "../process/child.ts";
import { type Output, run } from "../process/run.ts";
import { type Commands, workspaceCommands } from "./commands.ts";
import { type ControlPlaneSite, controlPlaneSettings, controlPlaneSite, ctlConfig } from "./control-plane.ts";
import { dataplaneYaml, egressYaml, gatewayYaml } from "./dataplane.ts";
import { processEnvironment } from "./environment.ts";
import type { Part } from "./part.ts";
import { Processes, untilAnswers } from "./processes.ts";
import { Proxies } from "./proxies.ts";
import type { App, AppSpec, Service, ServiceSpec, Sidecar } from "./service.ts";
import { agentSettings, dnsSettings } from "./sidecar.ts";
import { joinSite, occupySite, type Site } from "./site.ts";

/** How a world is made. */
export interface WorldOptions {
  /** Default: this workspace's sources. */
  readonly commands?: Partial<Commands>;
  /** Mesh of the services; default `kong-air-mesh`. */
  readonly mesh?: string;
}

/** A control plane, Envoys and apps, as real processes on loopback addresses of their own. */
export class World implements AsyncDisposable {
  readonly site: Site;
  readonly mesh: string;
  readonly controlPlane: ControlPlaneSite;
  readonly #commands: Commands;
  readonly #env: Readonly<Record<string, string>>;
  readonly #processes: Processes;
  readonly #proxies: Proxies;

  constructor(site: Site, options: WorldOptions & { readonly joined?: boolean } = {}) {
    this.site = site;
    this.mesh = options.mesh ?? "kong-air-mesh";
    this.controlPlane = controlPlaneSite(site);
    this.#commands = { ...workspaceCommands(), ...options.commands };
    this.#env = processEnvironment(site, this.#commands);
    this.#processes = new Processes(site, this.#env, options.joined ?? false);
    this.#proxies = new Proxies(this, this.#commands, this.#processes);
    mkdirSync(this.controlPlane.workDir, { recursive: true });
    writeFileSync(this.ctlConfigFile, ctlConfig(this.controlPlane.api));
  }

  get ctlConfigFile(): string {
    return join(this.site.dir, "skeinctl.config");
  }

  get commands(): Commands {
    return this.#commands;
  }

  /** What the world's processes see; for a shell that works inside it. */
  get environment(): Readonly<Record<string, string>> {
    return this.#env;
  }

  /** Parts started so far, by this process or by commands that joined. */
  get parts(): readonly Part[] {
    return this.#processes.parts;
  }

  /** Starts the control plane, or starts it again, and waits until it is ready. */
  async startControlPlane(settings: Readonly<Record<string, string>> = {}): Promise<Child> {
    const child = await this.#processes.start(
      "control-plane",
      "control-plane",
      [...this.#commands.controlPlane, "run"],
      {
        ...controlPlaneSettings(this.site),
        ...settings,
      },
    );
    await untilAnswers(child, `${this.controlPlane.diagnostics}/ready`, 30_000);
    return child;
  }

  async stopControlPlane(): Promise<void> {
    await this.#processes.child("control-plane").stop();
  }

  /** `kill -9`: the control plane gets no chance to say goodbye. */
  async killControlPlane(): Promise<void> {
    await this.#processes.child("control-plane").kill();
  }

  async startApp(spec: AppSpec): Promise<App> {
    const name = spec.instance ?? spec.service;
    const host = spec.host ?? this.#processes.freeHost();
    const address = this.site.block.address(host + 100);
    const upstreams = (spec.outbounds ?? []).flatMap((outbound) => [
      "--upstream",
      `${outbound.service}=http://${this.site.block.address(host)}:${outbound.port}`,
    ]);
    const command = [
      ...this.#commands.app,
      ...["--service", spec.service, "--instance", name, "--version", spec.version ?? "v1"],
      ...["--address", address, ...modeOf(spec), ...upstreams],
    ];
    const child = await this.#processes.start("app", name, command, {}, host);
    const url = `http://${address}:8080`;
    if (modeOf(spec).length === 0) await untilAnswers(child, `${url}/healthz`, 10_000);
    return { name, url, child };
  }

  /** Starts a server that is no part of the mesh but that its parts use. Not waited for. */
  async startServer(name: string, command: readonly string[]): Promise<Child> {
    return await this.#processes.start("server", name, command, {});
  }

  /** Starts a rate limit service at the world's host `host`, port 10003. */
  async startRateLimitService(name: string, host: number, redis?: string): Promise<Child> {
    const address = this.site.block.address(host);
    const settings = ["--address", address, ...(redis === undefined ? [] : ["--redis", redis])];
    const child = await this.startServer(name, [...this.#commands.rateLimit, "run", ...settings]);
    await until(`${name} listens`, () => child.tail().includes("listening on"));
    return child;
  }

  /** Starts a sidecar and waits until it holds its first configuration. */
  async startSidecar(spec: ServiceSpec): Promise<Sidecar> {
    const name = spec.instance ?? spec.service;
    const host = spec.host ?? this.#processes.running("app", name)?.host ?? this.#processes.freeHost();
    const address = this.site.block.address(host);
    const dataplane = dataplaneYaml({
      mesh: this.mesh,
      name,
      service: spec.service,
      address,
      appAddress: this.site.block.address(host + 100),
      port: 8080,
      protocol: spec.protocol ?? (spec.tcp === true ? "tcp" : spec.grpc === true ? "grpc" : "http"),
      labels: { app: spec.service, "kuma.io/workload": spec.service, ...spec.labels },
      outbounds: spec.outbounds ?? [],
      transparentProxying: spec.transparentProxying,
      serviceProbe: spec.serviceProbe,
      gateway: spec.gateway,
    });
    return await this.#proxies.start(name, dataplane, host, {
      readyMs: spec.readyMs,
      settings: {
        ...this.#agent(address, spec.opa),
        ...(spec.dns === undefined ? {} : dnsSettings(address, spec.dns.resolvConf)),
        ...(spec.drainTime === undefined ? {} : { KUMA_DATAPLANE_DRAIN_TIME: spec.drainTime }),
        ...(spec.lean === true ? { SKEIN_LEAN: "true" } : {}),
        ...spec.settings,
      },
    });
  }

  /** Settings of a launcher with an authorization agent: the world's, or this program. */
  #agent(address: string, opa: ServiceSpec["opa"]): Readonly<Record<string, string>> {
    if (opa === undefined) return {};
    return agentSettings(address, opa === true ? this.#commands.opa : opa);
  }

  /** Starts a zone egress, a proxy without an app, and waits until it holds its first configuration. */
  async startEgress(name: string, host = this.#processes.freeHost()): Promise<Sidecar> {
    const labels = { app: name, "kuma.io/workload": name };
    const address = this.site.block.address(host);
    const dataplane = egressYaml({ mesh: this.mesh, name, address, labels });
    return await this.#proxies.start(name, dataplane, host);
  }

  /** Starts a built-in gateway, a proxy without an app, and waits until it holds its first configuration. */
  async startGateway(
    name: string,
    host = this.#processes.freeHost(),
    { labels: own = {}, opa }: Pick<ServiceSpec, "labels" | "opa"> = {},
  ): Promise<Sidecar> {
    const labels = { app: name, "kuma.io/workload": name, ...own };
    const address = this.site.block.address(host);
    const dataplane = gatewayYaml({ mesh: this.mesh, name, address, labels });
    return await this.#proxies.start(name, dataplane, host, { settings: this.#agent(address, opa) });
  }

  /** An app and its sidecar. */
  async startService(spec: ServiceSpec): Promise<Service> {
    const host = spec.host ?? this.#processes.freeHost();
    const app = await this.startApp({ ...spec, host });
    return { app, sidecar: await this.startSidecar({ ...spec, host }) };
  }

  /** Runs `skeinctl` against this world's control plane. */
  async ctl(
    args: readonly string[],
    options: { readonly stdin?: string; readonly timeoutMs?: number } = {},
  ): Promise<Output> {
    const [node = "", ...rest] = this.#commands.ctl;
    const full = [...rest, "--config-file", this.ctlConfigFile, ...args];
    return await run(node, full, { cwd: this.site.dir, env: this.#env, ...options });
  }

  /** `skeinctl apply -f -`; throws with the command's own words when it fails. */
  async apply(yaml: string, args: readonly string[] = []): Promise<Output> {
    const output = await this.ctl(["apply", "-f", "-", ...args], { stdin: yaml });
    if (output.code !== 0)
      throw new Error(`apply failed (${output.code}): ${output.stderr}${output.stdout}\n${yaml}`);
    return output;
  }

  /** Counters of a running sidecar, also of one that another command started. */
  async sidecarStats(name: string, filter: string): Promise<ReadonlyMap<string, number>> {
    return await this.#proxies.stats(name, filter);
  }

  /** Starts any other process as a part of this world. */
  async startPart(kind: Part["kind"], name: string, command: readonly string[]): Promise<Child> {
    return await this.#processes.start(kind, name, command, {});
  }

  forgetPart(kind: Part["kind"], name: string): void {
    this.#processes.forget(kind, name);
  }

  /** The last lines of every process's log, for a failure's message. */
  logs(lines = 25): string {
    return this.#processes.logs(lines);
  }

  /** Stops everything and leaves nothing behind: no process, no file, no lock. */
  async stop(): Promise<void> {
    await this.#processes.stop();
    this.site.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** What an app is told of the protocol it speaks; nothing for HTTP. */
function modeOf({ tcp, grpc }: AppSpec): readonly string[] {
  return tcp === true ? ["--tcp"] : grpc === true ? ["--grpc"] : [];
}

/** Takes a block of addresses and makes an empty world in it. */
export async function createWorld(options: WorldOptions = {}): Promise<World> {
  return new World(await occupySite(), options);
}

/** The world of the surrounding testbed shell. What is started in it outlives this process, not the shell. */
export function joinWorld(env: NodeJS.ProcessEnv, options: WorldOptions = {}): World {
  return new World(joinSite(env), { ...options, joined: true });
}

/** Runs `body` in a world of its own; when it fails, the tails of all logs go to stderr. */
export async function withWorld<T>(
  body: (world: World) => Promise<T>,
  options: WorldOptions = {},
): Promise<T> {
  await using world = await createWorld(options);
  try {
    return await body(world);
  } catch (error) {
    process.stderr.write(`${world.logs()}\n`);
    throw error;
  }
}
