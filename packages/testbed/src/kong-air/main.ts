import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { startTraffic, summary, type TrafficReport } from "../traffic.ts";
import { EDGE_HOST } from "../world/shims.ts";
import { joinWorld, type World } from "../world/world.ts";
import { startBackgroundTraffic, stopBackgroundTraffic } from "./background.ts";
import { appUrl, callThrough, describeCall, sample, setHealth, talkThrough } from "./call.ts";
import { CAST, outboundsOf, outboundsOutside, outboundsTo, pairs, upKongAir } from "./cast.ts";
import { drained } from "./drained.ts";
import { strangersHandshake } from "./handshake.ts";
import { runOutside, startOutside } from "./outside.ts";
import { holdPerimeter, startPerimeter, stopPerimeter } from "./perimeter.ts";

const USAGE = `kong-air: the airline's services, for the pages and for you

  kong-air up                          start a control plane, the mesh and three services with sidecars
  kong-air add NAME [--service S] [--version V] [--label K=V]... [--calls SERVICE]... [--tcp]
                 [--calls-outside NAME]...
                                       start one more instance, with a sidecar; it calls the three, or those named;
                                       --tcp: it speaks bytes and greets with its name; --calls-outside: it calls this
                                       MeshExternalService, too
  kong-air outside start NAME [--demand]
                                       start an HTTPS server outside the mesh, NAME.example.com, with a CA of its own, which
                                       is left here as NAME-ca.pem beside NAME-client.pem and NAME-client-key.pem;
                                       --demand: it asks callers for a certificate
  kong-air egress NAME                 start a zone egress, by which the services leave the mesh where it says so
  kong-air gateway NAME                start a built-in gateway, which clients outside the mesh find at $EDGE
  kong-air ps                          what runs, with its address and pid
  kong-air pid NAME                    pid of "control-plane", an app ("app/NAME") or a sidecar ("sidecar/NAME")
  kong-air call FROM TO [PATH]         have the app FROM call the service TO, through both sidecars
  kong-air sample FROM TO [--count N] [--at-once N]
                                       have FROM call TO N times (100), so many at once (8), and count who answered
  kong-air talk FROM TO                have FROM open a connection to TO, which speaks bytes, and send it a line
  kong-air health NAME STATUS          what the app NAME says from now on when it is asked whether it is well (200, 503)
  kong-air handshake NAME [--tls 1.2|1.3]
                                       knock at a sidecar with that TLS and without a certificate
  kong-air matrix                      have everyone call everyone
  kong-air stats NAME FILTER           counters of a sidecar's Envoy whose names match FILTER
  kong-air drained NAME                wait until a sidecar has no connections from before its last change
  kong-air perimeter up                start, instead of "up", machines of their own: passenger-portal, all of whose connections
                                       go by its proxy, and weather and aeropay outside of the mesh; needs root.
                                       Then "portal COMMAND..." runs a command as the portal's application does
  kong-air perimeter down              end them
  kong-air traffic start FROM TO [--rate N]
  kong-air traffic stop                steady calls in the background; stop reports every lost one`;

type Command = (world: World, args: readonly string[]) => Promise<number>;

const commands: Readonly<Record<string, Command>> = {
  up: async (world) => {
    await upKongAir(world, ({ name, address, ms }) =>
      console.log(`${name.padEnd(21)}${address.padEnd(20)}ready in ${(ms / 1000).toFixed(1)} s`),
    );
    return 0;
  },
  add,
  egress: async (world, [name = "egress"]) => {
    const { address } = await world.startEgress(name);
    console.log(`${name.padEnd(21)}${address}`);
    return 0;
  },
  gateway: async (world, [name = "gateway"]) => {
    const { address } = await world.startGateway(name, EDGE_HOST);
    console.log(`${name.padEnd(21)}${address}`);
    return 0;
  },
  ps: async (world) => {
    for (const { kind, name, owner, host } of world.parts) {
      const address =
        host === undefined
          ? world.site.block.address(1)
          : world.site.block.address(host + (kind === "app" ? 100 : 0));
      console.log(`${kind.padEnd(15)}${name.padEnd(20)}${address.padEnd(16)}pid ${owner.pid}`);
    }
    return 0;
  },
  pid: async (world, [name = ""]) => {
    const part = world.parts.find(
      (p) => name === (p.kind === "control-plane" ? p.kind : `${p.kind}/${p.name}`),
    );
    if (part === undefined) return fail(`nothing named ${name} was started; see \`kong-air ps\``);
    console.log(part.owner.pid);
    return 0;
  },
  call: async (world, [from = "", to = "", path = "/"]) => {
    const result = await callThrough(world, from, to, path);
    console.log(describeCall(result));
    return result.status === 0 ? 1 : 0;
  },
  talk: async (world, [from = "", to = ""]) => {
    console.log(await talkThrough(world, from, to));
    return 0;
  },
  health: async (world, [name = "", status = "200"]) => {
    await setHealth(world, name, Number(status));
    return 0;
  },
  handshake,
  outside,
  sample: async (world, args) => {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        count: { type: "string", default: "100" },
        "at-once": { type: "string", default: "8" },
      },
    });
    const [from = "", to = ""] = positionals;
    const answered = await sample(world, from, to, Number(values.count), Number(values["at-once"]));
    for (const [who, count] of answered) {
      console.log(`${who}  ${count}`);
    }
    return 0;
  },
  matrix: async (world) => {
    for (const [from, to] of pairs()) console.log(describeCall(await callThrough(world, from, to)));
    return 0;
  },
  stats: async (world, [name = "", filter = ""]) => {
    for (const [stat, value] of await world.sidecarStats(name, filter)) console.log(`${stat}: ${value}`);
    return 0;
  },
  drained: async (world, [name = ""]) => {
    await drained((filter) => world.sidecarStats(name, filter));
    return 0;
  },
  perimeter: async (world, [verb = ""]) => {
    if (verb === "up")
      await startPerimeter(world, [process.execPath, process.argv[1] ?? "", "perimeter", "run"]);
    else if (verb === "run") await holdPerimeter(world);
    else if (verb === "down") await stopPerimeter(world);
    else return fail("say `kong-air perimeter up` or `kong-air perimeter down`");
    return 0;
  },
  traffic,
};

async function add(world: World, args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      service: { type: "string" },
      version: { type: "string", default: "v1" },
      label: { type: "string", multiple: true, default: [] },
      calls: { type: "string", multiple: true, default: [] },
      "calls-outside": { type: "string", multiple: true, default: [] },
      tcp: { type: "boolean", default: false },
    },
  });
  const [instance] = positionals;
  if (instance === undefined) return fail("say a name: kong-air add NAME");
  const labels = Object.fromEntries(
    values.label.map((pair) => [pair.split("=", 1)[0] ?? "", pair.slice(pair.indexOf("=") + 1)]),
  );
  const service = values.service ?? instance;
  const inside = values.calls.length === 0 ? outboundsOf(service) : outboundsTo(values.calls);
  const outbounds = [...inside, ...outboundsOutside(values["calls-outside"])];
  const begin = performance.now();
  const { sidecar } = await world.startService({
    service,
    instance,
    version: values.version,
    labels: { version: values.version, ...labels },
    outbounds,
    tcp: values.tcp,
  });
  const seconds = ((performance.now() - begin) / 1000).toFixed(1);
  console.log(`${instance.padEnd(21)}${`${sidecar.address}:8080`.padEnd(20)}ready in ${seconds} s`);
  return 0;
}

async function outside(world: World, [verb, ...args]: readonly string[]): Promise<number> {
  if (verb === "run") return await runOutside(world, args, (file) => readFileSync(file, "utf8"));
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { demand: { type: "boolean", default: false } },
  });
  const [name] = positionals;
  if (verb !== "start" || name === undefined) return fail("say `kong-air outside start NAME`");
  console.log(`${name}.example.com`.padEnd(21) + (await startOutside(world, name, values.demand)));
  return 0;
}

async function handshake(world: World, args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { tls: { type: "string", default: "1.3" } },
  });
  const [name = ""] = positionals;
  const part = world.parts.find((candidate) => candidate.kind === "sidecar" && candidate.name === name);
  if (part?.host === undefined) return fail(`no sidecar named ${name} runs in this world`);
  if (values.tls !== "1.2" && values.tls !== "1.3") return fail("--tls is 1.2 or 1.3");
  const outcome = await strangersHandshake({
    host: world.site.block.address(part.host),
    port: 8080,
    version: `TLSv${values.tls}`,
  });
  console.log(`${name}  TLS ${values.tls}  ${outcome}`);
  return 0;
}

async function traffic(world: World, args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { rate: { type: "string", default: "50" } },
  });
  const [verb, from = "", to = ""] = positionals;
  if (verb === "start") {
    await startBackgroundTraffic(world, [
      process.execPath,
      process.argv[1] ?? "",
      "traffic",
      "run",
      from,
      to,
      "--rate",
      values.rate,
    ]);
    return 0;
  }
  if (verb === "run") {
    const running = startTraffic({ url: `${appUrl(world, from)}/call/${to}/`, rate: Number(values.rate) });
    process.once("SIGTERM", () => {
      running.stop().then((report) => {
        console.log(JSON.stringify(report));
        process.exit(0);
      });
    });
    return await new Promise(() => {});
  }
  if (verb === "stop") {
    const logFile = await stopBackgroundTraffic(world);
    // Written by "run" above.
    const report = JSON.parse(
      readFileSync(logFile, "utf8").trimEnd().split("\n").at(-1) ?? "",
    ) as TrafficReport;
    console.log(summary(report));
    return report.failures.length === 0 ? 0 : 1;
  }
  return fail("say `kong-air traffic start FROM TO` or `kong-air traffic stop`");
}

function fail(message: string): number {
  console.error(`kong-air: ${message}`);
  return 1;
}

const [name = "", ...args] = process.argv.slice(2);
const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
if (command === undefined) {
  console.error(`${USAGE}\n\nservices: ${CAST.join(", ")}`);
  process.exit(2);
}
try {
  process.exitCode = await command(joinWorld(process.env), args);
} catch (error) {
  process.exitCode = fail(error instanceof Error ? error.message : String(error));
}
