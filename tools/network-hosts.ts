import { spawnSync } from "node:child_process";

const NAME = `skein-probe-${process.pid}`;

/**
 * Why this machine cannot run tests with hosts of their own (`*.netns.test.ts`): those take root, the right to make
 * network namespaces, and packet filters. `undefined` where it can.
 */
export function whyNoNetworkHosts(): string | undefined {
  if (process.geteuid?.() !== 0) return "they need root";
  const missing = ["ip", "setpriv", "iptables", "nft"].filter(
    (program) => spawnSync(program, ["--version"]).error !== undefined,
  );
  if (missing.length > 0) return `not installed: ${missing.join(", ")}`;
  try {
    for (const words of [
      ["netns", "add", NAME],
      ["-n", NAME, "link", "add", "probe0", "type", "veth", "peer", "name", "probe1"],
      ["netns", "exec", NAME, "iptables", "-t", "nat", "-A", "OUTPUT", "-p", "tcp", "-j", "REDIRECT"],
    ]) {
      const { status, stderr } = spawnSync("ip", words, { encoding: "utf8" });
      if (status !== 0) return `\`ip ${words.join(" ")}\` fails here: ${stderr.trim()}`;
    }
    return undefined;
  } finally {
    spawnSync("ip", ["netns", "delete", NAME]);
  }
}
