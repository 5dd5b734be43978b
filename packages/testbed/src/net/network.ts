import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { clearedAtExit } from "../process/at-exit.ts";
import { allocateBlock, thisProcess } from "./block.ts";
import { addNamespace, ip, namespacesOf, removeNamespace, requireRoot, setKernel } from "./namespace.ts";
import { NetworkHost } from "./network-host.ts";

/** How a network is made. */
export interface NetworkOptions {
  /** Names of the hosts: small letters, digits and dashes. Each is a network namespace with an interface `eth0`. */
  readonly hosts: readonly string[];
  /** Gives this process an address in the network too, for servers that are in no namespace. Default false. */
  readonly uplink?: boolean;
}

/** Where a host is reached. */
export interface Addresses {
  readonly ipv4: string;
  readonly ipv6: string;
}

/**
 * Hosts with network stacks of their own, joined by a bridge: real interfaces, routes and firewall rules, apart from
 * this machine's. Loopback is up. The default route leads to the bridge's namespace, which knows no other network, so
 * what is sent to an unknown address is refused at once. Disposing kills what runs in the namespaces and removes them;
 * so does the end of this process, and after a `kill -9` the next network.
 */
export class Network implements AsyncDisposable {
  /** A directory of its own that everybody may read: for logs, and whatever a test wants to put there. */
  readonly dir: string;
  readonly hosts: readonly NetworkHost[];
  /** This process's addresses in the network; `undefined` without the option `uplink`. */
  readonly uplink: Addresses | undefined;
  readonly #clear: () => void;

  /** Use {@link createNetwork}. */
  constructor(dir: string, hosts: readonly NetworkHost[], uplink: Addresses | undefined, clear: () => void) {
    this.dir = dir;
    this.hosts = hosts;
    this.uplink = uplink;
    this.#clear = clear;
  }

  /** @throws Error when there is none of that name. */
  host(name: string): NetworkHost {
    const host = this.hosts.find((candidate) => candidate.name === name);
    if (host === undefined) throw new Error(`the network has no host ${name}`);
    return host;
  }

  /** The last lines of every process's log, for a failure's message. */
  logs(lines = 25): string {
    return this.hosts.map((host) => host.logs(lines)).join("");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#clear();
    await Promise.all(this.hosts.map((host) => host.ended()));
  }
}

/**
 * Makes a network.
 *
 * @throws Error when this process is not root, a name does not fit, or the kernel refuses something.
 */
export async function createNetwork(options: NetworkOptions): Promise<Network> {
  requireRoot();
  checkNames(options.hosts);
  const base = realpathSync(tmpdir());
  const id = randomBytes(4).toString("hex");
  const dir = mkdtempSync(join(base, "skein-net-"));
  chmodSync(dir, 0o755);
  const block = await allocateBlock({
    lockDir: join(base, `skein-networks-${userInfo().username}`),
    world: id,
    dir,
    owner: thisProcess(),
    candidates: candidates(),
    usable: async () => true,
    onAbandoned: (lock) => {
      removeAll(lock.world);
      if (lock.dir.startsWith(join(base, "skein-net-"))) rmSync(lock.dir, { recursive: true, force: true });
    },
  });
  const clear = clearedAtExit(() => {
    removeAll(id);
    rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
    block.release();
  });
  try {
    mkdirSync(join(dir, "logs"));
    const addresses = (number: number): Addresses => ({
      ipv4: block.address(number),
      ipv6: `${ipv6Prefix(block.prefix)}::${number.toString(16)}`,
    });
    addBridge(id, addresses(1));
    const hosts = options.hosts.map((name, index) =>
      addHost(id, name, addresses(11 + index), addresses(1), dir),
    );
    if (options.uplink === true) addUplink(id, addresses(2));
    return new Network(dir, hosts, options.uplink === true ? addresses(2) : undefined, clear);
  } catch (error) {
    clear();
    throw error;
  }
}

function checkNames(names: readonly string[]): void {
  const wrong = names.find((name) => !/^[a-z0-9][a-z0-9-]{0,30}$/.test(name) || name === "bridge");
  if (wrong !== undefined)
    throw new Error(`"${wrong}" is no name for a host: use small letters, digits and dashes`);
  if (new Set(names).size < names.length) throw new Error(`two hosts have one name: ${names.join(", ")}`);
}

/** 198.18.0.0/15 is set aside for test networks (RFC 2544), so no real machine is hidden by it. */
function* candidates(): Generator<string> {
  for (const second of [18, 19]) for (let third = 0; third < 256; third++) yield `198.${second}.${third}`;
}

/** A unique local prefix for each IPv4 block. */
function ipv6Prefix(prefix: string): string {
  const [, second = 0, third = 0] = prefix.split(".").map(Number);
  return `fd53:6b65:${(second * 256 + third).toString(16)}`;
}

const namespace = (id: string, name: string): string => `skein-${id}-${name}`;
const uplinkOf = (id: string): string => `sk${id}`;

function addBridge(id: string, own: Addresses): void {
  const inside = namespace(id, "bridge");
  addNamespace(inside, []);
  ip(["link set lo up", "link add br0 type bridge", ...upWith("br0", own)], inside);
  // A router refuses what it has no route for; a host that does not forward would drop it, and callers would hang.
  setKernel(inside, "net/ipv4/ip_forward", "1");
  setKernel(inside, "net/ipv6/conf/all/forwarding", "1");
}

function addHost(id: string, name: string, own: Addresses, gateway: Addresses, dir: string): NetworkHost {
  const inside = namespace(id, name);
  addNamespace(inside, []);
  // Made in the two namespaces directly: nothing of it ever shows among this machine's interfaces.
  const port = `port${own.ipv4.split(".")[3]}`;
  ip([`link add eth0 netns ${inside} type veth peer name ${port} netns ${namespace(id, "bridge")}`]);
  ip([`link set ${port} master br0 up`], namespace(id, "bridge"));
  const routes = [`route add default via ${gateway.ipv4}`, `route add default via ${gateway.ipv6}`];
  ip(["link set lo up", ...upWith("eth0", own), ...routes], inside);
  return new NetworkHost({ name, namespace: inside, ...own, dir });
}

function addUplink(id: string, own: Addresses): void {
  ip([`link add ${uplinkOf(id)} type veth peer name uplink netns ${namespace(id, "bridge")}`]);
  ip(["link set uplink master br0 up"], namespace(id, "bridge"));
  ip(upWith(uplinkOf(id), own));
}

function upWith(device: string, { ipv4, ipv6 }: Addresses): readonly string[] {
  return [
    `link set ${device} up`,
    `address add ${ipv4}/24 dev ${device}`,
    // Without duplicate address detection the address can be used at once.
    `address add ${ipv6}/64 dev ${device} nodad`,
  ];
}

function removeAll(id: string): void {
  // The kernel takes a namespace's interfaces down later; the one that is here must be gone when the block is free again.
  spawnSync("ip", ["link", "del", uplinkOf(id)]);
  for (const name of namespacesOf(`skein-${id}-`)) removeNamespace(name);
}
