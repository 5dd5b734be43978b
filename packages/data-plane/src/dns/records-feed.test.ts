import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createLogger } from "../log.ts";
import { until } from "../testing/until.ts";
import { pause } from "../wait.ts";
import type { NameTable } from "./name-table.ts";
import { RecordsFeed } from "./records-feed.ts";

/** Envoy, as far as the feed is concerned: what it answers `GET /dns` with, and what it was asked. */
class Config {
  readonly path: string;
  readonly conditions: (string | undefined)[] = [];
  status = 200;
  body = "";
  etag = "";
  /** As Envoy does it for a second. */
  keepsOpen = false;
  #server: Server | undefined;

  constructor(t: TestContext) {
    const directory = mkdtempSync("/tmp/skein-feed-");
    this.path = join(directory, "config.sock");
    t.after(async () => {
      await this.stop();
      rmSync(directory, { recursive: true });
    });
  }

  async start(): Promise<void> {
    const server = createServer(({ headers }, response) => {
      const condition = headers["if-none-match"];
      this.conditions.push(condition);
      const isKnown = this.status === 200 && condition === this.etag;
      if (this.keepsOpen) response.shouldKeepAlive = true;
      const length = isKnown ? {} : { "content-length": Buffer.byteLength(this.body) };
      response.writeHead(isKnown ? 304 : this.status, { etag: this.etag, ...length });
      response.end(isKnown ? "" : this.body);
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.path, resolve));
  }

  async stop(): Promise<void> {
    await new Promise((resolve) => (this.#server === undefined ? resolve(0) : this.#server.close(resolve)));
    this.#server = undefined;
  }

  says(name: string): void {
    this.body = JSON.stringify({ records: [{ name, ips: ["241.0.0.1"] }] });
    this.etag = name;
  }
}

function feed(t: TestContext, socketPath: string) {
  const stopping = new AbortController();
  const found = { tables: [] as NameTable[], log: [] as string[], news: () => records.news() };
  const records = new RecordsFeed({
    now: () => performance.now(),
    socketPath,
    log: createLogger({ level: "info", json: false, write: (line) => void found.log.push(line) }),
    signal: stopping.signal,
    onTable: (table) => found.tables.push(table),
  });
  const done = records.run();
  t.after(async () => {
    stopping.abort();
    await done;
  });
  return found;
}

test("each new list of names is handed on once, and what Envoy cannot say changes nothing", async (t) => {
  const config = new Config(t);
  const { tables, log } = feed(t, config.path);
  // Envoy is not there yet, which is nothing to report.
  await new Promise((resolve) => setTimeout(resolve, 250));
  config.says("a.mesh");
  await config.start();
  await until("the first names are there", () => tables.length === 1);
  await until("it is asked only for news", () => config.conditions.at(-1) === "a.mesh");
  assert.equal(tables.length, 1);
  assert.deepEqual(log, []);

  config.status = 404;
  await until("a configuration without names is told", () => log.length === 1);
  config.status = 200;
  config.body = "{";
  config.etag = "nonsense";
  await until("a broken one is told", () => log.length === 2);
  assert.match(log[0] ?? "", /404/);
  assert.match(log[1] ?? "", /JSON/);
  assert.equal(tables.length, 1);

  await config.stop();
  config.says("b.mesh");
  await config.start();
  await until("names of an Envoy that started again are there", () => tables.length === 2);
  assert.equal(tables[1]?.names.size, 2);
});

test("who asks for news has those of that moment, and many who ask are a few questions", async (t) => {
  const config = new Config(t);
  config.says("a.mesh");
  await config.start();
  const found = feed(t, config.path);
  await until("the first names are there", () => found.tables.length === 1);
  for (const name of ["b.mesh", "c.mesh", "d.mesh"]) {
    config.says(name);
    await found.news();
    assert.ok(found.tables.at(-1)?.names.has(`\x01${name[0]}\x04mesh\x00`), `${name} is not there`);
  }
  const before = config.conditions.length;
  const since = performance.now();
  while (performance.now() - since < 1_000) {
    await Promise.race([Promise.all(Array.from({ length: 100 }, () => found.news())), pause(10)]);
  }
  const asked = config.conditions.length - before;
  const seconds = (performance.now() - since) / 1_000;
  // The question of every second comes on top.
  assert.ok(asked <= 6 * seconds + 2, `${asked} questions in ${seconds} s`);
  await config.stop();
  await found.news();
  assert.deepEqual(found.log, []);
});

test("a listener that leaves with those who wait to be let in is nothing to report", async (t) => {
  const config = new Config(t);
  await config.start();
  const found = feed(t, config.path);
  // The question has been asked, and nobody has had a turn to take it: not once through the event loop.
  for (let i = 0; i < 50; i++) await undefined;
  await config.stop();
  await pause(250);
  assert.deepEqual(config.conditions, []);
  config.says("a.mesh");
  await config.start();
  await until("the first names are there", () => found.tables.length === 1);
  assert.deepEqual(found.log, []);
});

test("an answer counts when it is whole, not when Envoy closes the connection", async (t) => {
  const config = new Config(t);
  config.says("a.mesh");
  config.keepsOpen = true;
  await config.start();
  const found = feed(t, config.path);
  await until("the first names are there", () => found.tables.length === 1);
  config.says("b.mesh");
  await found.news();
  assert.equal(found.tables.length, 2);
  await found.news();
  assert.deepEqual(found.log, []);
});
