import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type World, withWorld } from "@skein/testbed";
import type { Figure, Report } from "./harness/figure.ts";
import { published } from "./harness/published.ts";
import { median } from "./harness/stats.ts";

const ROUNDS = 7;
const DOCUMENTS = 100;
const MANY = 1_000;

/** Whole processes of the command line, from start to exit, as a user or a script waits for them. */
export async function cli(): Promise<readonly Report[]> {
  return withWorld(
    async (world) => {
      await world.startControlPlane();
      const one = join(world.site.dir, "one.yaml");
      const many = join(world.site.dir, "many.yaml");
      const apply = async (
        file: string,
        from: number,
        count: number,
        args: readonly string[],
      ): Promise<number> => {
        writeFileSync(file, Array.from({ length: count }, (_, at) => policy(at, from)).join("---\n"));
        return timed(world, ["apply", "-f", file, ...args]);
      };
      const figures: Figure[] = [
        await figure("cli: version", () => timed(world, ["version"])),
        await figure("cli: apply one document", (round) => apply(one, round, 1, [])),
        await figure("cli: apply one document --wait", (round) => apply(one, round + ROUNDS, 1, ["--wait"])),
        await figure("cli: apply 100 documents --wait", (round) => apply(many, round, DOCUMENTS, ["--wait"])),
        await figure("cli: get 100 policies", () => timed(world, ["get", "meshtimeouts"])),
        await figure("cli: apply 1,000 documents", (round) => apply(many, round + ROUNDS, MANY, [])),
      ];
      return [{ title: "Command line: whole process", figures }];
    },
    { mesh: "default", commands: { ctl: await published("cli") } },
  );
}

async function figure(name: string, run: (round: number) => Promise<number>): Promise<Figure> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) times.push(await run(round));
  return { figure: name, value: median(times), unit: "ms" };
}

async function timed(world: World, args: readonly string[]): Promise<number> {
  const from = performance.now();
  const { code, stderr } = await world.ctl(args, { timeoutMs: 60_000 });
  if (code !== 0) throw new Error(`skeinctl ${args.join(" ")} ended with ${code}: ${stderr}`);
  return performance.now() - from;
}

function policy(at: number, round: number): string {
  return `type: MeshTimeout
mesh: default
name: bench-${at}
spec:
  to:
    - targetRef: {kind: Mesh}
      default: {connectionTimeout: ${round + 1}s}
`;
}
