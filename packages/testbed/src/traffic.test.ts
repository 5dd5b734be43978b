import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { after, test } from "node:test";
import { until } from "./poll.ts";
import { startTraffic, summary } from "./traffic.ts";

let answer = 200;
const server: Server = createServer((_, response) => {
  response.statusCode = answer;
  response.end(answer === 200 ? "ok" : "no");
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const address = server.address();
const url = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}/`;
after(() => server.close());

test("answers count, and failures are kept with time, status and text", async () => {
  answer = 200;
  const traffic = startTraffic({ url, rate: 200 });
  await until("ten answers", () => traffic.report().answered >= 10);
  answer = 503;
  await until("three failures", () => traffic.report().failures.length >= 3);
  answer = 200;
  const report = await traffic.stop();
  assert.equal(report.sent, report.answered + report.failures.length);
  const [failure] = report.failures;
  assert.equal(failure?.status, 503);
  assert.equal(failure.reason, "no");
  assert.ok(failure.afterMs > 0);
  assert.match(summary(report), /^\d+ sent, \d+ answered, \d+ failed\n {2}\S+ 503 no/);
});

test("a server that is not there is a failure, not an exception", async () => {
  const traffic = startTraffic({ url: "http://127.0.0.1:9/", rate: 100, limit: 3 });
  await until("three failures", () => traffic.report().failures.length === 3);
  const report = await traffic.stop();
  assert.deepEqual(
    report.failures.map((failure) => failure.reason),
    Array(3).fill("ECONNREFUSED"),
  );
});

test("the rate is kept and the limit ends it", async () => {
  answer = 200;
  const traffic = startTraffic({ url, rate: 100, limit: 30 });
  await until("all are answered", () => traffic.report().answered === 30);
  const report = await traffic.stop();
  assert.equal(report.sent, 30);
  assert.ok(report.durationMs >= 280, `30 requests at 100 per second took ${report.durationMs} ms`);
});
