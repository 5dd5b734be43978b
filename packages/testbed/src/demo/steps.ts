import { appUrl } from "../kong-air/call.ts";
import { CAST, pairs, upKongAir } from "../kong-air/cast.ts";
import { startTraffic, type Traffic } from "../traffic.ts";
import type { World } from "../world/world.ts";
import { accessOf, accessTable } from "./access.ts";
import { ClaimFailed, callEverybody, expectCallers, expectStatuses, outsider, soon } from "./checks.ts";
import { ALLOW_ALL, ALLOW_FLIGHT_CONTROL, IDENTITY, PERMISSIVE, STRICT } from "./documents.ts";
import type { Screen } from "./screen.ts";

/** What the steps share. */
export interface Stage {
  readonly world: World;
  readonly screen: Screen;
  /** Calls that run from step 2 to 4, while identities and encryption arrive. */
  traffic: Traffic | undefined;
}

export interface Step {
  readonly title: string;
  run(stage: Stage): Promise<void>;
}

const CHECK_IN = 12;

export const STEPS: readonly Step[] = [
  {
    title: "Start a control plane and three services, each behind its own Envoy",
    run: async ({ world, screen }) => {
      await upKongAir(world, ({ name, address, ms }) =>
        screen.note(`${name.padEnd(18)}${address.padEnd(19)}ready in ${(ms / 1000).toFixed(1)} s`),
      );
    },
  },
  {
    title: "Traffic flows, in plain text",
    run: async (stage) => {
      const { world, screen } = stage;
      const results = await callEverybody(world);
      expectCallers("everyone reaches everyone, nobody is named", results, () => null);
      screen.passed("everyone reaches everyone: 6 of 6 calls 200; callers: unknown");
      const status = await outsider(world, CHECK_IN);
      if (status !== 200) throw new ClaimFailed("an outsider without certificate gets in", `seen: ${status}`);
      screen.passed("so does an outsider without any certificate: 200");
      stage.traffic = startTraffic({
        url: `${appUrl(world, "passenger-portal")}/call/check-in-api/`,
        rate: 50,
      });
      screen.say("From here passenger-portal calls check-in-api 50 times a second. Not one call may fail.");
    },
  },
  {
    title: "Give every workload an identity",
    run: async ({ world, screen }) => {
      screen.say(
        "MeshIdentity makes a CA and issues a certificate per workload, over SDS; nothing restarts.",
      );
      screen.document(IDENTITY);
      await apply({ world, screen }, [ALLOW_ALL, PERMISSIVE, IDENTITY].join("---\n"));
      const { results } = await soon(world, (seen) =>
        expectCallers("every service sees a verified SPIFFE id as its caller", seen),
      );
      screen.passed("every service now sees who calls it; check-in-api, for one, saw");
      for (const result of results.filter(({ to }) => to === "check-in-api"))
        screen.note(String(result.caller));
    },
  },
  {
    title: "Refuse plain text",
    run: async (stage) => {
      const { world, screen } = stage;
      screen.document(STRICT);
      await apply(stage, STRICT);
      const seen = await outsider(world, CHECK_IN);
      if (typeof seen === "number") throw new ClaimFailed("the outsider is refused", `it got status ${seen}`);
      screen.passed(`the outsider without certificate is refused (${seen})`);
      expectCallers("the services still reach each other", await callEverybody(world));
      screen.passed("the services still reach each other, with mutual TLS");
      const report = await stage.traffic?.stop();
      if (report === undefined || report.failures.length > 0 || report.sent < 10) {
        const first = report?.failures.slice(0, 5).map((f) => `${f.at} ${f.status} ${f.reason}`);
        throw new ClaimFailed(
          "no call was lost on the way from plain text to mutual TLS",
          first?.join("\n") ?? "",
        );
      }
      screen.passed(`no call was lost on the way there: ${report.sent} sent, ${report.answered} answered`);
    },
  },
  {
    title: "Deny by default: delete allow-all",
    run: async ({ world, screen }) => {
      screen.command("skeinctl delete meshtrafficpermission allow-all --wait");
      const output = await world.ctl([
        "delete",
        "meshtrafficpermission",
        "allow-all",
        "-m",
        world.mesh,
        "--wait",
      ]);
      if (output.code !== 0) throw new ClaimFailed("allow-all is deleted", output.stderr + output.stdout);
      printResult(screen, output.stdout);
      expectStatuses("everyone gets 403", await callEverybody(world), () => 403);
      screen.passed("nobody may call anybody: 6 of 6 calls 403");
    },
  },
  {
    title: "Allow one caller: flight-control may call check-in-api",
    run: async ({ world, screen }) => {
      screen.document(ALLOW_FLIGHT_CONTROL);
      await apply({ world, screen }, ALLOW_FLIGHT_CONTROL);
      expectStatuses("only flight-control reaches check-in-api", await callEverybody(world), allowed);
      screen.passed("flight-control -> check-in-api: 200; the other 5 calls: 403");
    },
  },
  {
    title: "Who may call whom",
    run: async ({ world, screen }) => {
      screen.say("From the plan that programs the Envoys (`skeinctl access` prints it, with reasons):");
      const entries = await accessOf(world);
      for (const line of accessTable(CAST, entries)) screen.note(line);
      const results = await callEverybody(world);
      expectStatuses("the matrix says what real calls do", results, (from, to) => {
        const entry = entries.find(({ source, destination }) => source === from && destination === to);
        return entry?.verdict === "allow" ? 200 : 403;
      });
      screen.passed(`the matrix, computed from the plan, agrees with ${pairs().length} real calls`);
    },
  },
];

function allowed(from: string, to: string): number {
  return from === "flight-control" && to === "check-in-api" ? 200 : 403;
}

async function apply({ world, screen }: Pick<Stage, "world" | "screen">, yaml: string): Promise<void> {
  screen.command("skeinctl apply -f - --wait");
  const output = await world.apply(yaml, ["--wait"]);
  printResult(screen, output.stdout);
}

/** What --wait says; the lines before it repeat the document's name. */
function printResult(screen: Screen, stdout: string): void {
  const lines = stdout.trimEnd().split("\n");
  for (const line of lines.filter((text) => !text.startsWith("resource "))) screen.note(line);
}
