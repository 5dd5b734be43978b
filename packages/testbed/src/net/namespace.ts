import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const NAMESPACES = "/run/netns";
const FILES = "/etc/netns";

/** @throws Error with a sentence when this process may not make network namespaces. */
export function requireRoot(): void {
  if (process.geteuid?.() !== 0) {
    throw new Error(
      "network namespaces need root: run this test as root (it changes nothing outside of them)",
    );
  }
  if (spawnSync("ip", ["-V"]).error !== undefined) {
    throw new Error("the command `ip` is missing: install iproute2, or run tools/setup.sh test");
  }
}

/**
 * Runs `ip` commands, one a line, in a namespace or in this process's own, until the first that fails.
 *
 * @throws Error with what `ip` said.
 */
export function ip(commands: readonly string[], namespace?: string): void {
  const where = namespace === undefined ? [] : ["-n", namespace];
  const input = commands.map((command) => `${command}\n`).join("");
  const { status, stderr } = spawnSync("ip", [...where, "-batch", "-"], { input, encoding: "utf8" });
  if (status !== 0) throw new Error(`ip: ${stderr.trim()} in:\n${input}`);
}

/** Makes a namespace whose processes look names up at `resolvers`. */
export function addNamespace(name: string, resolvers: readonly string[]): void {
  ip([`netns add ${name}`]);
  setResolvers(name, resolvers);
}

/** Sets a kernel parameter, a path below `/proc/sys`, in a namespace. @throws Error when the kernel refuses. */
export function setKernel(name: string, parameter: string, value: string): void {
  const words = ["netns", "exec", name, "tee", `/proc/sys/${parameter}`];
  const { status, stderr } = spawnSync("ip", words, { input: value, encoding: "utf8" });
  if (status !== 0) throw new Error(`${parameter} cannot be set: ${stderr.trim()}`);
}

/** Makes `/etc/resolv.conf` of a namespace. */
export function setResolvers(name: string, resolvers: readonly string[]): void {
  setFile(name, "resolv.conf", resolvers.map((address) => `nameserver ${address}\n`).join(""));
}

/** Processes that `ip netns exec` starts from now on see the file in `/etc`; those who see it already see its changes. */
export function setFile(name: string, file: string, content: string): void {
  mkdirSync(join(FILES, name), { recursive: true });
  writeFileSync(join(FILES, name, file), content);
}

/** Names of the namespaces that begin with `prefix`. */
export function namespacesOf(prefix: string): readonly string[] {
  return existsSync(NAMESPACES) ? readdirSync(NAMESPACES).filter((name) => name.startsWith(prefix)) : [];
}

/** Kills every process in a namespace and removes it with its files. Synchronous, so that an exit handler can call it. */
export function removeNamespace(name: string): void {
  // A process may have forked between the listing and its end: look again until nothing is left.
  for (let round = 0; round < 20; round++) {
    const pids = pidsIn(name);
    if (pids.length === 0) break;
    for (const pid of pids) kill(pid);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
  }
  spawnSync("ip", ["netns", "del", name]);
  rmSync(join(FILES, name), { recursive: true, force: true });
}

function pidsIn(name: string): readonly number[] {
  const { stdout } = spawnSync("ip", ["netns", "pids", name], { encoding: "utf8" });
  return stdout.split("\n").filter(Boolean).map(Number);
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}
