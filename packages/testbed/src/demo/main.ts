import { writeShims } from "../world/shims.ts";
import { createWorld, type World } from "../world/world.ts";
import { ClaimFailed } from "./checks.ts";
import { createScreen, type Screen } from "./screen.ts";
import { STEPS, type Stage } from "./steps.ts";

/**
 * `make demo`: three services, three Envoys, one control plane, and the first policies, live. Every step checks its
 * claim with real requests. With ONCE=1 it exits at the end, 0 only if every claim held.
 */
async function demo(screen: Screen, once: boolean): Promise<number> {
  const begin = performance.now();
  const world = await createWorld();
  let interrupted = false;
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(signal, () => {
        interrupted = true;
        resolve();
      });
    }
  });
  screen.title("Skein: a service mesh in one minute, on one machine");
  screen.say(`Everything below is real: processes on ${world.site.block.prefix}.x, nothing simulated.`);
  const stage: Stage = { world, screen, traffic: undefined };
  try {
    await Promise.race([play(stage), stopped]);
    if (!interrupted) {
      screen.title(`All claims held, in ${((performance.now() - begin) / 1000).toFixed(1)} s.`);
      if (!once) {
        invite(screen, world);
        await stopped;
      }
    }
    return interrupted && once ? 130 : 0;
  } catch (error) {
    if (interrupted) return 130;
    report(screen, world, error);
    return 1;
  } finally {
    if (!once) screen.say("Stopping …");
    await stage.traffic?.stop();
    await world.stop();
  }
}

async function play(stage: Stage): Promise<void> {
  for (const [index, step] of STEPS.entries()) {
    stage.screen.step(index + 1, STEPS.length, step.title);
    await step.run(stage);
  }
}

function report(screen: Screen, world: World, error: unknown): void {
  if (error instanceof ClaimFailed) screen.failed(error.message, error.detail);
  else screen.failed("this step broke", error instanceof Error ? error.message : String(error));
  screen.raw(`\nThe last lines of every log:\n${world.logs(12)}`);
}

function invite(screen: Screen, world: World): void {
  const bin = writeShims(world);
  screen.say("The mesh stays up. In another terminal:");
  screen.command(`export PATH=${bin}:$PATH`);
  screen.command("kong-air call flight-control check-in-api");
  screen.command("kong-air matrix");
  screen.command("skeinctl proxy-status");
  screen.command(`skeinctl access -m ${world.mesh}`);
  screen.command(`skeinctl inspect dataplanes -m ${world.mesh}`);
  screen.command(`curl -s http://${world.site.block.address(113)}:8080/call/check-in-api/`);
  screen.say("Ctrl-C stops everything and leaves nothing behind.");
}

process.exit(await demo(createScreen(process.stdout), (process.env.ONCE ?? "") !== ""));
