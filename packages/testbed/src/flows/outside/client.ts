import { readFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import { patiently } from "../../patience.ts";
import type { Flow, FlowResult } from "./flow.ts";

/*
 * Calls servers as an application does that knows nothing of a proxy. Reads a list of flows from the standard input and
 * prints the list of what came of them. Argument: file of the CA that it trusts.
 */

const ca = readFileSync(process.argv[2] ?? "");
const PASSES = "passes";
const TIMEOUT_MS = patiently(20_000);

async function outcome(flow: Flow): Promise<string> {
  const call = { http, headers, https, h2c, echo: bytes, greeting: bytes }[flow.kind];
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(resolve, TIMEOUT_MS, "no answer");
  });
  try {
    return await Promise.race([call(flow), late]);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  } finally {
    clearTimeout(timer);
  }
}

async function http({ address, port, name = address }: Flow): Promise<string> {
  return await answered(
    httpRequest({ host: address, port, agent: false, headers: { host: name } }),
    "http\n",
  );
}

async function headers({ address, port, name = address }: Flow): Promise<string> {
  const answer = await fetch(`http://${address}:${port}/headers`, { headers: { host: name } });
  return await answer.text();
}

async function https({ address, port, name = "" }: Flow): Promise<string> {
  const options = { host: address, port, agent: false, servername: name, ca, headers: { host: name } };
  // Without a name there is nothing to hold the certificate against; that it is signed by the CA is still looked at.
  const anyName = name === "" ? { checkServerIdentity: () => undefined } : {};
  return await answered(httpsRequest({ ...options, ...anyName }), "https\n");
}

function answered(request: ReturnType<typeof httpRequest>, expected: string): Promise<string> {
  return new Promise((resolve, reject) => {
    request.on("error", reject).on("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("error", reject).on("end", () => {
        resolve(response.statusCode === 200 && text === expected ? PASSES : `status ${response.statusCode}`);
      });
    });
    request.end();
  });
}

function h2c({ address, port, name = address }: Flow): Promise<string> {
  const host = address.includes(":") ? `[${address}]` : address;
  return new Promise((resolve, reject) => {
    const session = connectHttp2(`http://${host}:${port}`);
    session.on("error", reject);
    session.on("close", () => resolve("closed"));
    const stream = session.request({ ":authority": name });
    let status = 0;
    let text = "";
    stream.on("error", reject);
    stream.on("response", (headers) => {
      status = Number(headers[":status"]);
    });
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    stream.on("end", () => {
      resolve(status === 200 && text === "h2c\n" ? PASSES : `status ${status}`);
      session.destroy();
    });
  });
}

/** A conversation of bytes; after the server's greeting, where the server is one that greets. */
function bytes({ kind, address, port }: Flow): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, address);
    const expected = kind === "greeting" ? "welcome\nhello\n" : "hello\n";
    let text = "";
    if (kind === "echo") socket.write("hello\n");
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      if (text === "welcome\n") socket.write("hello\n");
      if (text !== expected) return;
      resolve(PASSES);
      socket.destroy();
    });
    socket.on("error", reject);
    socket.on("close", () => resolve("closed"));
  });
}

let input = "";
for await (const chunk of process.stdin) input += chunk;
const results = (JSON.parse(input) as Flow[]).map(async (flow): Promise<FlowResult> => {
  const start = performance.now();
  return { outcome: await outcome(flow), ms: Math.round(performance.now() - start) };
});
process.stdout.write(JSON.stringify(await Promise.all(results)));
process.exit(0);
