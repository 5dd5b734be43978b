import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { load } from "./load.ts";

let server: Server;
let port = 0;
let connections = 0;
let status = 200;

before(async () => {
  server = createServer((_, response) => void response.writeHead(status).end("ok\n"));
  server.on("connection", () => {
    connections += 1;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  port = (server.address() as AddressInfo).port;
});
after(() => server.close());

const order = { host: "127.0.0.1", path: "/", seconds: 0.2 };

test("requests over connections that are kept", async () => {
  connections = 0;
  const { requests, failures, median, p99, lookup } = await load({ ...order, port, connections: 3 });
  assert.equal(connections, 3);
  assert.ok(requests > 3);
  assert.equal(failures, 0);
  assert.ok(median > 0 && p99 >= median);
  assert.equal(lookup, null);
});

test("a connection for each request, whose name is looked up each time", async () => {
  connections = 0;
  const result = await load({ ...order, host: "localhost", port, connections: 2, renewed: true });
  assert.ok(connections >= result.requests);
  assert.ok((result.lookup ?? 0) > 0 && (result.lookup ?? 0) < result.median);
});

test("runs where it is told to", async () => {
  const words = ["env", "PATH=/nowhere"];
  const { requests } = await load({ ...order, port, connections: 1 }, (own) => [...words, ...own]);
  assert.ok(requests > 0);
});

test("an answer that is not 200, or none, is an error", async () => {
  status = 503;
  await assert.rejects(load({ ...order, port, connections: 1 }), /of \d+ requests failed/);
  await assert.rejects(load({ ...order, port: 1, connections: 1 }), /ended with 1: .*ECONNREFUSED/s);
});
