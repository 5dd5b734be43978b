import { fork } from "node:child_process";
import { pause } from "@skein/testbed";
import { wallMs } from "../harness/clock.ts";
import type { FleetAnswers, FleetRequest, FleetState } from "./fleet-protocol.ts";

/** The simulated fleet, in a process of its own so that it does not wait for the benchmark nor the other way round. */
export interface FleetHandle {
  readonly pid: number;
  ask<R extends FleetRequest>(request: R): Promise<FleetAnswers[R["kind"]]>;
  /** Resolves when nothing has been acknowledged for that long. */
  quiet(ms: number, deadlineMs?: number): Promise<FleetState>;
  close(): Promise<void>;
}

/** Starts the fleet's process; the proxies start with the request `start`. */
export function spawnFleet(): FleetHandle {
  const child = fork(new URL("./fleet-process.ts", import.meta.url), { stdio: "inherit" });
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  let last = 0;
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.on("message", ({ id, value, error }: { id: number; value?: never; error?: string }) => {
    const call = waiting.get(id);
    waiting.delete(id);
    if (error !== undefined) call?.reject(new Error(`the fleet failed: ${error}`));
    else call?.resolve(value as never);
  });
  child.once("exit", (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`the fleet's process ended with ${code}`));
  });

  const handle: FleetHandle = {
    pid: child.pid ?? 0,
    ask: (request) =>
      new Promise((resolve, reject) => {
        const id = ++last;
        waiting.set(id, { resolve, reject });
        child.send({ id, request });
      }),
    async quiet(ms, deadlineMs = 60_000) {
      const deadline = wallMs() + deadlineMs;
      for (;;) {
        const state = await handle.ask({ kind: "state" });
        const rest = state.quietSince + ms - wallMs();
        if (rest <= 0) return state;
        if (wallMs() > deadline) throw new Error(`the fleet is not quiet after ${deadlineMs} ms`);
        await pause(Math.min(rest + 5, 200));
      }
    },
    async close() {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
  return handle;
}
