import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { adminStats, askAdmin } from "./admin.ts";
import type { Commands } from "./commands.ts";
import type { ControlPlaneSite } from "./control-plane.ts";
import { type Processes, untilAnswers } from "./processes.ts";
import type { Sidecar } from "./service.ts";
import { sidecarSettings } from "./sidecar.ts";
import type { Site } from "./site.ts";

/** Where the proxies of a world belong. */
interface ProxiesPlace {
  readonly site: Site;
  readonly mesh: string;
  readonly controlPlane: ControlPlaneSite;
}

/** Starts the proxies of a world: launchers with their Envoys, each in a folder of its own. */
export class Proxies {
  readonly #site: Site;
  readonly #mesh: string;
  readonly #controlPlane: ControlPlaneSite;
  readonly #commands: Commands;
  readonly #processes: Processes;

  constructor({ site, mesh, controlPlane }: ProxiesPlace, commands: Commands, processes: Processes) {
    this.#site = site;
    this.#mesh = mesh;
    this.#controlPlane = controlPlane;
    this.#commands = commands;
    this.#processes = processes;
  }

  /**
   * Starts one and waits until it holds its first configuration.
   *
   * @param dataplane what it says of itself, YAML
   * @param given settings besides those that every sidecar here has; how long it may take, default 30 s
   */
  async start(
    name: string,
    dataplane: string,
    host: number,
    given: {
      readonly settings?: Readonly<Record<string, string>> | undefined;
      readonly readyMs?: number | undefined;
    } = {},
  ): Promise<Sidecar> {
    const dir = await this.#folder(name, dataplane);
    const { settings: further = {}, readyMs = 30_000 } = given;
    const address = this.#site.block.address(host);
    const command = [
      ...this.#commands.dataPlane,
      "run",
      ...["--dataplane-file", join(dir, "dataplane.yaml"), "--dataplane-token-file", join(dir, "token")],
      ...["--cp-address", this.#controlPlane.dataplanes, "--ca-cert-file", this.#controlPlane.caFile],
    ];
    const settings = {
      ...sidecarSettings(dir, address, this.#commands),
      ...further,
    };
    const child = await this.#processes.start("sidecar", name, command, settings, host);
    await untilAnswers(child, `http://${address}:9902/ready`, readyMs);
    const adminSocket = this.#adminSocket(name);
    return {
      name,
      address,
      child,
      adminSocket,
      admin: (path) => askAdmin(adminSocket, path),
      stats: (filter) => adminStats(adminSocket, filter),
    };
  }

  /** Counters of a running one, also of one that another process started. */
  async stats(name: string, filter: string): Promise<ReadonlyMap<string, number>> {
    return await adminStats(this.#adminSocket(name), filter);
  }

  /** The folder of a proxy, with what it says of itself when it starts. */
  async #folder(name: string, dataplane: string): Promise<string> {
    const dir = join(this.#site.dir, "dp", name);
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, "dataplane.yaml"), dataplane);
    writeFileSync(join(dir, "token"), await this.#dataplaneToken(name), { mode: 0o600 });
    return dir;
  }

  #adminSocket(name: string): string {
    return join(this.#site.dir, "dp", name, "kuma-envoy-admin.sock");
  }

  async #dataplaneToken(name: string): Promise<string> {
    const answer = await fetch(`${this.#controlPlane.api}/tokens/dataplane`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name, mesh: this.#mesh, validFor: "24h" }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`no dataplane token for ${name}: ${answer.status} ${text}`);
    return text.trim();
  }
}
