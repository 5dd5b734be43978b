import { createServer } from "node:http";

/** Stands in for a control plane in tests of the world itself: ready at once, and signs tokens that say for whom. */
const env = process.env;
if (env.FAIL !== undefined) {
  console.error(`cannot start: ${env.FAIL}`);
  process.exit(3);
}
createServer((_, response) => response.end("OK")).listen(
  Number(env.KUMA_DIAGNOSTICS_SERVER_PORT),
  "127.0.0.1",
);
createServer((request, response) => {
  let body = "";
  request.on("data", (chunk) => {
    body += String(chunk);
  });
  request.on("end", () =>
    response.end(request.url === "/tokens/dataplane" ? `token of ${JSON.parse(body).name}\n` : "{}"),
  );
}).listen(5681, env.KUMA_API_SERVER_HTTP_INTERFACE);
