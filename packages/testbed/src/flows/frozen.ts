import { readFileSync } from "node:fs";
import { pause } from "../poll.ts";
import type { Sidecar } from "../world/service.ts";

/** Stops a sidecar's Envoy for so long: it answers nobody, and whatever reached it waits in its sockets. */
export async function freeze(sidecar: Sidecar, ms: number): Promise<void> {
  const pid = envoyPid(sidecar);
  process.kill(pid, "SIGSTOP");
  try {
    await pause(ms);
  } finally {
    process.kill(pid, "SIGCONT");
  }
}

/** The launcher's child; the launcher itself where it has become Envoy. */
export function envoyPid({ child: { pid } }: Sidecar): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
  const found = children.find((each) => each !== "" && commandOf(Number(each)).includes("envoy"));
  return found === undefined ? pid : Number(found);
}

function commandOf(pid: number): string {
  return readFileSync(`/proc/${pid}/comm`, "utf8");
}
