import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { until } from "../testing/until.ts";

const PROGRAM = join(import.meta.dirname, "testing/redirected-process.ts");
/** The launcher's group; rules spare it. Real installations spare its user, who could not read this checkout. */
const GROUP = "5678";
const RESOLVERS = ["10.99.0.1", "fd99::1"] as const;

/** A host with an application and a launcher, and another one with the resolvers, joined by a cable. */
class Hosts {
  readonly id = randomBytes(3).toString("hex");
  readonly host = `skein-dns-${this.id}`;
  readonly far = `skein-far-${this.id}`;
  readonly dir = mkdtempSync("/tmp/skein-netns-");
  readonly #children: ChildProcess[] = [];

  up(): void {
    for (const name of [this.host, this.far]) this.#ip("netns", "add", name);
    for (const name of [this.host, this.far]) this.#ip("-n", name, "link", "set", "lo", "up");
    this.#ip("-n", this.host, "link", "add", "v0", "type", "veth", "peer", "name", "v1", "netns", this.far);
    for (const [name, link, four, six] of [
      [this.host, "v0", "10.99.0.5/24", "fd99::5/64"],
      [this.far, "v1", "10.99.0.1/24", "fd99::1/64"],
    ] as const) {
      this.#ip("-n", name, "addr", "add", four, "dev", link);
      this.#ip("-n", name, "addr", "add", six, "dev", link, "nodad");
      this.#ip("-n", name, "link", "set", link, "up");
    }
  }

  down(): void {
    for (const child of this.#children) child.kill("SIGKILL");
    for (const name of [this.host, this.far]) spawnSync("ip", ["netns", "del", name]);
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** Leads questions to the machine's resolvers into the launcher, as `install transparent-proxy` does. */
  redirect({ spared }: { readonly spared: boolean }): void {
    for (const [tables, resolver] of [
      ["iptables", RESOLVERS[0]],
      ["ip6tables", RESOLVERS[1]],
    ] as const) {
      const dns = ["-t", "nat", "-A", "OUTPUT", "-p", "udp", "--dport", "53"];
      if (spared) this.#run(tables, ...dns, "-m", "owner", "--gid-owner", GROUP, "-j", "RETURN");
      this.#run(tables, ...dns, "-d", resolver, "-j", "REDIRECT", "--to-ports", "15053");
    }
  }

  /** Starts a part and waits until it listens; answers what it has written so far. */
  async start(namespace: string, role: string, ...args: readonly string[]): Promise<() => string> {
    const command = ["setpriv", "--regid", GROUP, "--clear-groups", process.execPath, PROGRAM, role, ...args];
    const child = spawn("ip", ["netns", "exec", namespace, ...command], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#children.push(child);
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        output += chunk.toString();
      });
    }
    await until(`the ${role} listens`, () => output.includes("listening"));
    return () => output;
  }

  ask(resolver: string, name: string): string {
    return this.#run(process.execPath, PROGRAM, "client", resolver, name).trim();
  }

  #run(...command: readonly string[]): string {
    return checked("ip", ["netns", "exec", this.host, ...command]);
  }

  #ip(...args: readonly string[]): void {
    checked("ip", args);
  }
}

function checked(program: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: "utf8", timeout: 20_000 });
  assert.equal(status, 0, `${program} ${args.join(" ")}: ${stderr}`);
  return stdout;
}

/** Hosts with their resolvers and their launcher, whose output `said` is. */
async function redirected(
  t: TestContext,
  rules: { readonly spared: boolean },
): Promise<{ readonly hosts: Hosts; readonly said: () => string }> {
  const hosts = new Hosts();
  t.after(() => hosts.down());
  hosts.up();
  hosts.redirect(rules);
  await hosts.start(hosts.far, "resolver", ...RESOLVERS);
  return { hosts, said: await hosts.start(hosts.host, "launcher", hosts.dir, ...RESOLVERS) };
}

test("questions that rules lead into the launcher are answered as if the resolver had answered", async (t) => {
  const { hosts } = await redirected(t, { spared: true });
  for (const resolver of RESOLVERS) {
    assert.equal(hosts.ask(resolver, "orders.mesh.local"), "241.0.0.1");
    assert.equal(hosts.ask(resolver, "example.org"), "192.0.2.1");
  }
});

test("rules that do not spare the launcher do not lead questions in circles", async (t) => {
  const { hosts, said } = await redirected(t, { spared: false });
  for (const resolver of RESOLVERS) {
    assert.equal(hosts.ask(resolver, "example.org"), "ESERVFAIL");
    assert.equal(hosts.ask(resolver, "orders.mesh.local"), "241.0.0.1");
  }
  await until("the log says so", () =>
    said().includes("led back to it: the user that it runs as must be excluded"),
  );
});
