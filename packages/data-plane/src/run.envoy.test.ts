import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, get, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { readLaunchPlan } from "./launch-plan.ts";
import { type FakeControlPlane, startFakeControlPlane } from "./testing/fake-control-plane.ts";
import { freePort } from "./testing/free-port.ts";
import { commandOf, isRunning, Launched, memoryOf } from "./testing/launched.ts";
import {
  adsBootstrap,
  appClusterFile,
  fileBootstrap,
  inboundListenerFile,
} from "./testing/test-bootstrap.ts";
import { PATIENCE, until } from "./testing/until.ts";

const RESOURCE = `
type: Dataplane
name: "{{ name }}"
networking:
  address: 127.0.0.1
  inbound: [{ port: 8080, name: main }]
`;

/** Envoy takes no configuration from this, and calls itself live all the same. */
const REJECTED = 'resources: [{ "@type": nothing }]';

interface Reply {
  readonly status: number;
  readonly body: string;
}

/** One test's world: a temporary directory, an app, a control plane, and the ports of a proxy. */
class World implements AsyncDisposable {
  readonly dir = mkdtempSync("/tmp/skein-test-");
  readonly lds = join(this.dir, "lds.yaml");
  readonly cds = join(this.dir, "cds.yaml");
  readonly controlPlane: FakeControlPlane;
  readonly app: Server;
  readonly inboundPort: number;
  readonly readinessPort: number;
  readonly held: (() => void)[] = [];

  static async start(kind: "files" | "ads" | "broken" = "files"): Promise<World> {
    let world: World | undefined;
    const controlPlane = await startFakeControlPlane((request, xdsPort) => {
      const workDir = String(request.workdir);
      if (kind === "broken")
        return `admin: {address: {pipe: {path: "${workDir}/a.sock"}}}\nno_such_field: 1\n`;
      if (kind === "ads") return adsBootstrap({ workDir, xdsPort, token: String(request.dataplaneToken) });
      return fileBootstrap({ workDir, lds: world?.lds ?? "", cds: world?.cds ?? "" });
    });
    world = new World(controlPlane, await freePort(), await freePort());
    await new Promise<void>((resolve) => world?.app.listen(0, "127.0.0.1", resolve));
    for (const file of [world.lds, world.cds]) writeFileSync(file, REJECTED);
    writeFileSync(join(world.dir, "dataplane.yaml"), RESOURCE);
    writeFileSync(join(world.dir, "ca.pem"), controlPlane.ca);
    writeFileSync(join(world.dir, "token"), "token-1\n");
    return world;
  }

  constructor(controlPlane: FakeControlPlane, inboundPort: number, readinessPort: number) {
    this.controlPlane = controlPlane;
    this.inboundPort = inboundPort;
    this.readinessPort = readinessPort;
    this.app = createServer((request, response) => {
      if (request.url === "/slow") this.held.push(() => response.end("slow"));
      else response.end("quick");
    });
  }

  launch(...more: readonly string[]): Launched {
    return new Launched(
      [
        "run",
        ...["--cp-address", this.controlPlane.address, "--ca-cert-file", join(this.dir, "ca.pem")],
        ...["--dataplane-file", join(this.dir, "dataplane.yaml"), "-v", "name=orders-1"],
        ...[
          "--dataplane-token-file",
          join(this.dir, "token"),
          "--readiness-port",
          String(this.readinessPort),
        ],
        ...["--concurrency", "1", "--envoy-log-level", "warning", ...more],
      ],
      this.dir,
    );
  }

  /** Envoy gets its first listeners and clusters. */
  configure(): void {
    writeFileSync(`${this.cds}.new`, appClusterFile((this.app.address() as AddressInfo).port));
    renameSync(`${this.cds}.new`, this.cds);
    writeFileSync(`${this.lds}.new`, inboundListenerFile(this.inboundPort));
    renameSync(`${this.lds}.new`, this.lds);
  }

  request(path: string): Promise<Reply> {
    return httpGet(this.inboundPort, path);
  }

  ready(): Promise<Reply | undefined> {
    return httpGet(this.readinessPort, "/ready").catch(() => undefined);
  }

  async untilReady(launched: Launched): Promise<void> {
    let last: Reply | undefined;
    try {
      await until("the proxy is ready", async () => {
        last = await this.ready();
        return last?.status === 200;
      });
    } catch (cause) {
      throw new Error(`${JSON.stringify(last)}; what it said:\n${launched.output}`, { cause });
    }
  }

  leftovers(): string[] {
    return readdirSync(this.dir).filter((name) => name.startsWith("skein-dp-"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const release of this.held) release();
    this.app.closeAllConnections();
    await new Promise((resolve) => this.app.close(resolve));
    await this.controlPlane[Symbol.asyncDispose]();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

function httpGet(port: number, path: string): Promise<Reply> {
  return new Promise((resolve, reject) => {
    get({ host: "127.0.0.1", port, path, agent: false, timeout: 10_000 }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        body += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
    }).on("error", reject);
  });
}

describe("skein-dp run with a real Envoy", { timeout: 120_000 * PATIENCE }, () => {
  test("is ready after its first configuration, and ends without losing a request", async () => {
    await using world = await World.start();
    await using launched = world.launch();
    await until("Envoy is live", async () => (await world.ready())?.body === "WAITING_FOR_FIRST_CONFIG");
    const envoy = await launched.envoyPid();
    assert.equal((await world.ready())?.status, 503, "not ready without a configuration that Envoy accepted");
    world.configure();
    await world.untilReady(launched);
    assert.equal((await world.ready())?.body, "READY");
    assert.equal((await world.request("/")).body, "quick");

    const [request] = world.controlPlane.bootstrapRequests;
    assert.equal(request?.name, "orders-1");
    assert.equal(request?.mesh, "default");
    assert.equal(request?.dataplaneToken, "token-1");
    assert.equal(request?.caCert, world.controlPlane.ca);
    assert.match(JSON.stringify(request?.version), /"version":"1\.40\.0"/);
    const workDir = String(request?.workdir);
    assert.equal(statSync(workDir).mode & 0o777, 0o700);

    world.controlPlane.pending = 2;
    const slow = world.request("/slow");
    await until("the app has the slow request", () => world.held.length === 1);
    launched.child.kill("SIGTERM");
    await until("the control plane knows", () => world.controlPlane.drainCalls.length > 2);
    assert.deepEqual(
      [...new Set(world.controlPlane.drainCalls)],
      ["POST default/orders-1 token-1", "GET default/orders-1 token-1"],
    );
    const terminating = await world.ready();
    assert.deepEqual(terminating, { status: 503, body: "TERMINATING" });
    assert.equal((await world.request("/")).body, "quick", "clients that do not know yet are still served");

    world.controlPlane.pending = 0;
    await until("the barrier is passed", () => launched.output.includes("every client has acknowledged"));
    assert.ok(isRunning(envoy), "a request is still running");
    for (const release of world.held) release();
    assert.equal((await slow).body, "slow");
    assert.equal(await launched.ended(), 0, launched.output);
    assert.ok(!isRunning(envoy));
    assert.deepEqual(world.leftovers(), []);
  });

  test("waits for the drain time where the control plane has no barrier; a second signal ends it at once", async () => {
    await using world = await World.start();
    world.controlPlane.pending = "unsupported";
    world.configure();
    await using first = world.launch("--drain-time", "700ms");
    await world.untilReady(first);
    const started = performance.now();
    first.child.kill("SIGTERM");
    assert.equal(await first.ended(), 0);
    assert.ok(performance.now() - started >= 700, "the whole drain time");

    await using second = world.launch("--drain-time", "60s");
    await world.untilReady(second);
    second.child.kill("SIGINT");
    await until("it drains", () => second.output.includes("waiting for the whole drain time"));
    const hurried = performance.now();
    second.child.kill("SIGINT");
    assert.equal(await second.ended(), 0);
    assert.ok(performance.now() - hurried < 5_000);
    assert.deepEqual(world.leftovers(), []);
  });

  test("starts a crashed Envoy again, and takes it along when killed by force", async () => {
    await using world = await World.start();
    world.configure();
    await using launched = world.launch();
    await world.untilReady(launched);
    const crashed = await launched.envoyPid();
    process.kill(crashed, "SIGSEGV");
    const next = await until("another Envoy runs", async () => {
      const pid = await launched.envoyPid();
      return pid !== crashed && pid;
    });
    await world.untilReady(launched);
    launched.child.kill("SIGKILL");
    await until("Envoy is gone with its launcher", () => !isRunning(next));
  });

  test("SIGUSR2 drains and stays; the SIGTERM after it ends at once", async () => {
    await using world = await World.start();
    world.configure();
    await using launched = world.launch("--drain-time", "60s");
    await world.untilReady(launched);
    launched.child.kill("SIGUSR2");
    await until("the barrier is passed", () => launched.output.includes("every client has acknowledged"));
    assert.equal((await world.ready())?.body, "TERMINATING");
    assert.ok(isRunning(await launched.envoyPid()));
    launched.child.kill("SIGTERM");
    assert.equal(await launched.ended(), 0);
  });

  test("does not start again what refuses its bootstrap", async () => {
    await using world = await World.start("broken");
    await using launched = world.launch();
    assert.equal(await launched.ended(), 1);
    assert.match(launched.output, /no_such_field/, "Envoy's own words");
    assert.match(launched.output, /Envoy refused to start/);
    assert.deepEqual(world.leftovers(), []);
  });

  test("Envoy presents a renewed token without a restart", async () => {
    await using world = await World.start("ads");
    await using launched = world.launch();
    await until("Envoy connects", () => world.controlPlane.tokens.at(-1) === "token-1");
    const envoy = await launched.envoyPid();
    const workDir = String(world.controlPlane.bootstrapRequests[0]?.workdir);
    assert.doesNotMatch(readFileSync(join(workDir, "bootstrap.yaml"), "utf8"), /token-1/);
    writeFileSync(join(world.dir, "token"), "token-2\n");
    await until(
      "a stream with the token written in place",
      () => world.controlPlane.tokens.at(-1) === "token-2",
    );
    writeFileSync(join(world.dir, "token.new"), "token-3");
    renameSync(join(world.dir, "token.new"), join(world.dir, "token"));
    await until("a stream with the replaced token", () => world.controlPlane.tokens.at(-1) === "token-3");
    assert.equal(await launched.envoyPid(), envoy);
  });

  test("the supervisor is small", async (context) => {
    await using world = await World.start();
    world.configure();
    await using launched = world.launch();
    await world.untilReady(launched);
    const launcher = memoryOf(launched.pid);
    const envoy = memoryOf(await launched.envoyPid());
    context.diagnostic(`launcher ${JSON.stringify(launcher)} envoy ${JSON.stringify(envoy)}`);
    assert.ok(launcher.rss < 56, `${launcher.rss} MB`);
    assert.ok(launcher.anonymous < 14, `${launcher.anonymous} MB of its own`);
  });
});

describe("skein-dp run --lean with a real Envoy", { timeout: 120_000 * PATIENCE }, () => {
  let world: World;
  before(async () => {
    world = await World.start();
  });
  after(() => world[Symbol.asyncDispose]());

  test("is one process, drained by a command", async (context) => {
    world.configure();
    const workDir = join(world.dir, "work");
    await using launched = world.launch("--lean", "--workdir", workDir);
    await until("the process is Envoy", () => commandOf(launched.pid).includes("--config-path"));
    await world.untilReady(launched);
    context.diagnostic(`lean ${JSON.stringify(memoryOf(launched.pid))}`);
    assert.equal(readLaunchPlan(workDir).pid, launched.pid);

    world.controlPlane.pending = 1;
    const slow = world.request("/slow");
    await until("the app has the slow request", () => world.held.length === 1);
    await using drain = new Launched(["drain", "--workdir", workDir, "--quit"], world.dir);
    await until("not ready while draining", async () => (await world.ready())?.status === 503);
    await until("the control plane knows", () => world.controlPlane.drainCalls.length > 1);
    world.controlPlane.pending = 0;
    await until("the barrier is passed", () => drain.output.includes("every client has acknowledged"));
    for (const release of world.held) release();
    assert.equal((await slow).body, "slow");
    assert.equal(await drain.ended(), 0, drain.output);
    assert.equal(await launched.ended(), 0);
  });

  test("is not ready before its first configuration, and follows the user's token file by itself", async () => {
    await using ads = await World.start("ads");
    await using _launched = ads.launch("--lean");
    await until("Envoy connects", () => ads.controlPlane.tokens.at(-1) === "token-1");
    assert.equal(await ads.ready(), undefined, "nobody answers yet");
    writeFileSync(join(ads.dir, "token.new"), "token-2\n");
    renameSync(join(ads.dir, "token.new"), join(ads.dir, "token"));
    await until("a stream with the replaced token", () => ads.controlPlane.tokens.at(-1) === "token-2");
  });
});

describe("skein-dp run before there is an Envoy", { timeout: 60_000 * PATIENCE }, () => {
  test("says which flag makes an unknown control plane trusted", async () => {
    await using world = await World.start();
    await using launched = new Launched(
      ["run", "--cp-address", world.controlPlane.address, "--name", "orders-1"],
      world.dir,
    );
    assert.equal(await launched.ended(), 1);
    assert.match(launched.output, /not trusted.*--ca-cert-file/);
    assert.deepEqual(world.leftovers(), []);
  });

  test("interrupted while the control plane is away, leaves nothing behind", async () => {
    await using world = await World.start();
    const port = await freePort();
    await using launched = new Launched(
      ["run", "--cp-address", `https://127.0.0.1:${port}`, "--name", "orders-1"],
      world.dir,
    );
    await until("it waits", () => launched.output.includes("no bootstrap yet"));
    launched.child.kill("SIGINT");
    assert.equal(await launched.ended(), 130);
    assert.deepEqual(world.leftovers(), []);
  });
});
