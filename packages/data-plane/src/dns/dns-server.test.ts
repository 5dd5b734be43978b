import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createConnection } from "node:net";
import { describe, type TestContext, test } from "node:test";
import fc from "fast-check";
import { createLogger } from "../log.ts";
import { freePort } from "../testing/free-port.ts";
import { until } from "../testing/until.ts";
import { DnsServer } from "./dns-server.ts";
import { readNameTable } from "./name-table.ts";
import { randomNumbers } from "./random-numbers.ts";
import type { ResolvConf, Resolver } from "./resolv-conf.ts";
import { askTcp, askUdp, framed, type Server } from "./testing/client.ts";
import { decode, query, questionEnd, replyTo, u16 } from "./testing/packets.ts";
import { FOUND, startResolver, type TestResolver } from "./testing/resolver.ts";

const MESH = "orders.svc.mesh.local";
const OUTSIDE = "example.org";
const ADDRESS = "127.0.0.1";

const conf = (...resolvers: readonly Resolver[]): ResolvConf => ({
  resolvers,
  timeoutMs: 200,
  rotate: false,
});

interface Running extends Server {
  readonly server: DnsServer;
  conf: ResolvConf;
  readonly log: string[];
}

async function serving(
  t: TestContext,
  resolvers: readonly Resolver[],
  {
    address = ADDRESS,
    longestMs = 4_500,
    news,
  }: { readonly address?: string; readonly longestMs?: number; readonly news?: () => Promise<void> } = {},
): Promise<Running> {
  const port = await freePort();
  const log: string[] = [];
  const server = new DnsServer({
    addresses: [address],
    port,
    resolvConf: () => running.conf,
    log: createLogger({ level: "info", json: false, write: (line) => void log.push(line) }),
    random: randomNumbers(),
    now: () => performance.now(),
    longestMs,
    ...(news === undefined ? {} : { news }),
  });
  const running: Running = { address, port, server, conf: conf(...resolvers), log };
  await server.listen();
  t.after(() => server.close());
  server.use(table("241.0.0.1"));
  return running;
}

const table = (ip: string) => readNameTable(JSON.stringify({ records: [{ name: MESH, ips: [ip] }] }));

async function resolver(t: TestContext, script = FOUND, address = ADDRESS): Promise<TestResolver> {
  const started = await startResolver(address, script);
  t.after(() => started[Symbol.asyncDispose]());
  return started;
}

async function rcode(server: Server, name: string): Promise<number | undefined> {
  const reply = await askUdp(server, query({ name }));
  return reply === undefined ? undefined : decode(reply).rcode;
}

/** Whether the question can be read. */
function isWhole(asked: Buffer): boolean {
  try {
    return questionEnd(asked) <= asked.length;
  } catch {
    return false;
  }
}

const counted = ({ server }: Running, outcome: string): number =>
  Number(new RegExp(`outcome="${outcome}"} (\\d+)`).exec(server.metrics())?.[1]);

describe("a name outside the mesh", () => {
  test("is asked for with the client's own packet, and answered with the resolver's, byte by byte", async (t) => {
    const records = [
      { type: 16, ttl: 7, data: Buffer.from("\x04text") },
      { type: 65, data: Buffer.from("000100", "hex") },
    ];
    const upstream = await resolver(t, (asked) => replyTo(asked, records));
    const dns = await serving(t, [upstream]);
    for (const type of [1, 28, 16, 15, 33, 12, 65, 257, 255]) {
      const sent = query({
        ...{ id: 0x1234, name: "ExAmPle.org", type, edns: 1400, dnssecOk: true },
        options: Buffer.from("000a0008a1a2a3a4a5a6a7a8", "hex"),
      });
      const reply = await askUdp(dns, sent);
      const asked = upstream.asked.at(-1)?.query;
      assert.deepEqual(asked?.subarray(2), sent.subarray(2));
      assert.deepEqual(reply, replyTo(sent, records));
    }
    assert.equal(counted(dns, "forwarded"), 9);
    assert.equal(counted(dns, "mesh"), 0);
  });

  test("is asked for by TCP when it was asked by TCP", async (t) => {
    const long = Buffer.concat([Buffer.from([255]), Buffer.alloc(255, "x")]);
    const upstream = await resolver(t, (asked, via) => {
      const full = replyTo(
        asked,
        Array.from({ length: 20 }, () => ({ type: 16, data: long })),
      );
      if (via === "tcp") return full;
      const cut = replyTo(asked, []);
      cut.writeUInt16BE(0x8380, 2);
      return cut;
    });
    const dns = await serving(t, [upstream]);
    const sent = query({ name: OUTSIDE, type: 16 });
    assert.equal(decode((await askUdp(dns, sent)) ?? Buffer.alloc(0)).truncated, true);
    const [reply] = await askTcp(dns, framed(sent), 1);
    assert.equal(decode(reply ?? Buffer.alloc(0)).answers.length, 20);
    assert.deepEqual(
      upstream.asked.map(({ via }) => via),
      ["udp", "tcp"],
    );
  });

  test("of any other kind of query goes the same way", async (t) => {
    const upstream = await resolver(t, (asked) => replyTo(asked, [], 4));
    const dns = await serving(t, [upstream]);
    const notify = query({ name: MESH, flags: 0x2400 });
    assert.equal(decode((await askUdp(dns, notify)) ?? Buffer.alloc(0)).rcode, 4);
    assert.equal(upstream.asked.length, 1);
  });

  test("that does not exist does not exist", async (t) => {
    const upstream = await resolver(t, (asked) => replyTo(asked, [], 3));
    assert.equal(await rcode(await serving(t, [upstream]), OUTSIDE), 3);
    assert.equal(upstream.asked.length, 1);
  });
});

describe("resolvers", () => {
  test("follow each other when one is silent, gone or of no help", async (t) => {
    const silent = await resolver(t, () => undefined);
    const refusing = await resolver(t, (asked) => replyTo(asked, [], 5));
    const gone = { address: ADDRESS, port: await freePort() };
    const works = await resolver(t);
    const dns = await serving(t, [silent, gone, refusing, works]);
    assert.equal(await rcode(dns, OUTSIDE), 0);
    const seen = silent.asked.length;
    for (let index = 0; index < 5; index++) assert.equal(await rcode(dns, `a${index}.example.org`), 0);
    assert.equal(silent.asked.length, seen, "the silent one is not asked first any more");
  });

  test("that all fail give SERVFAIL in less than the 5 seconds that a client waits, and mesh names go on", async (t) => {
    const silent = await resolver(t, () => undefined);
    const dns = await serving(t, [silent]);
    dns.conf = { ...dns.conf, timeoutMs: 5_000 };
    const from = performance.now();
    const outside = rcode(dns, OUTSIDE);
    assert.equal(await rcode(dns, MESH), 0);
    assert.equal(await outside, 2);
    assert.ok(performance.now() - from < 8_000);
    assert.equal(silent.asked.length, 3, "lost packets are sent again");
    assert.equal(counted(dns, "failed"), 1);
  });

  test("that are gone give SERVFAIL at once; without any there is nobody to wait for", async (t) => {
    const dns = await serving(t, [{ address: ADDRESS, port: await freePort() }]);
    const from = performance.now();
    assert.equal(await rcode(dns, OUTSIDE), 2);
    dns.conf = conf();
    assert.equal(await rcode(dns, OUTSIDE), 2);
    assert.ok(performance.now() - from < 4_000);
    const [reply] = await askTcp(dns, framed(query({ name: OUTSIDE })), 1);
    assert.equal(decode(reply ?? Buffer.alloc(0)).rcode, 2);
  });

  test("that say no say so to the client, once each was asked", async (t) => {
    const [one, two] = [
      await resolver(t, (asked) => replyTo(asked, [], 5)),
      await resolver(t, (asked) => replyTo(asked, [], 2)),
    ];
    assert.equal(await rcode(await serving(t, [one, two]), OUTSIDE), 5);
    assert.deepEqual([one.asked.length, two.asked.length], [1, 1]);
  });

  test("that are other ones from now on are asked from now on", async (t) => {
    const [before, after] = [await resolver(t), await resolver(t)];
    const dns = await serving(t, [before]);
    await rcode(dns, OUTSIDE);
    dns.conf = conf(after);
    await rcode(dns, OUTSIDE);
    assert.deepEqual([before.asked.length, after.asked.length], [1, 1]);
  });

  test("take turns where that is wished", async (t) => {
    const [one, two] = [await resolver(t), await resolver(t)];
    const dns = await serving(t, [one, two]);
    dns.conf = { ...dns.conf, rotate: true };
    for (let index = 0; index < 4; index++) await rcode(dns, OUTSIDE);
    assert.deepEqual([one.asked.length, two.asked.length], [2, 2]);
  });

  test("of IPv6 are asked, and questions come by IPv6", async (t) => {
    const upstream = await resolver(t, FOUND, "::1");
    const dns = await serving(t, [upstream], { address: "::1" });
    assert.equal(await rcode(dns, OUTSIDE), 0);
    assert.equal(await rcode(dns, MESH), 0);
    assert.equal(upstream.asked.length, 1);
  });

  test("have their answers believed only with the number and the question that were sent", async (t) => {
    const upstream = await resolver(t, (asked) => {
      const right = replyTo(asked, [{ type: 1, data: Buffer.from([192, 0, 2, 1]) }]);
      const forged = replyTo(asked, [{ type: 1, data: Buffer.from([198, 51, 100, 1]) }]);
      const otherNumber = Buffer.from(forged);
      otherNumber.writeUInt16BE(forged.readUInt16BE(0) ^ 1, 0);
      const otherName = Buffer.from(forged);
      otherName[13] = (otherName[13] ?? 0) ^ 1;
      const question = Buffer.from(forged);
      question[2] = 0x01;
      return [otherNumber, otherName, question, forged.subarray(0, 11), Buffer.alloc(0), right];
    });
    const dns = await serving(t, [upstream]);
    const reply = await askUdp(dns, query({ id: 77, name: OUTSIDE }));
    assert.deepEqual(
      decode(reply ?? Buffer.alloc(0)).answers.map(({ data }) => data),
      ["192.0.2.1"],
    );
  });
});

describe("many questions", () => {
  test("that are equal are one question to the resolver, and each client gets its own number", async (t) => {
    const upstream = await resolver(t, () => undefined);
    const dns = await serving(t, [upstream], { longestMs: 3_000 });
    dns.conf = { ...dns.conf, timeoutMs: 5_000 };
    const replies = [1, 2, 3, 4].map((id) => askUdp(dns, query({ id, name: OUTSIDE })));
    const other = askUdp(dns, query({ id: 5, name: OUTSIDE, edns: 1232 }));
    await until(
      "the questions are with the resolver",
      () => counted(dns, "shared") === 3 && upstream.asked.length >= 2,
    );
    upstream.script = FOUND;
    const found = await Promise.all([...replies, other]);
    assert.deepEqual(
      found.map((reply) => decode(reply ?? Buffer.alloc(0)).id),
      [1, 2, 3, 4, 5],
    );
    assert.equal(counted(dns, "forwarded"), 2);
  });

  test("all get their own answer, from ports and under numbers that differ", async (t) => {
    const upstream = await resolver(t, (asked) =>
      replyTo(asked, [{ type: 16, data: asked.subarray(13, 18) }]),
    );
    const dns = await serving(t, [upstream]);
    await Promise.all(
      Array.from({ length: 3_000 }, async (_, index) => {
        const name = `n${String(index).padStart(4, "0")}.example.org`;
        const reply = decode((await askUdp(dns, query({ id: index, name }))) ?? Buffer.alloc(12));
        assert.deepEqual(
          [reply.id, Buffer.from(reply.answers[0]?.data ?? "", "hex").toString()],
          [index, name.slice(0, 5)],
        );
      }),
    );
    const ports = new Set(upstream.asked.map(({ port }) => port));
    const ids = new Set(upstream.asked.map(({ query }) => query.readUInt16BE(0)));
    assert.ok(ports.size >= 8 && ports.size <= 64, `${ports.size} ports`);
    assert.ok(ids.size > 2_500, `${ids.size} numbers`);
  });

  test("more than can be held are refused at once; what is under way is answered, and memory is given back", async (t) => {
    const upstream = await resolver(t, () => undefined);
    const dns = await serving(t, [upstream], { longestMs: 3_000 });
    dns.conf = { ...dns.conf, timeoutMs: 5_000 };
    const codes = new Map<number, number>();
    for (let client = 0; client < 50; client++) {
      const socket = createSocket("udp4");
      t.after(() => socket.close());
      socket.on("message", (reply: Buffer) => {
        const code = decode(reply).rcode;
        codes.set(code, (codes.get(code) ?? 0) + 1);
      });
      for (let id = 0; id < 50; id++) {
        socket.send(query({ id, name: `n${client}-${id}.example.org` }), dns.port, ADDRESS);
      }
      await new Promise(setImmediate);
    }
    await until("some are refused", () => counted(dns, "overloaded") === 2_500 - 2_048);
    assert.equal(await rcode(dns, MESH), 0);
    await until("all are answered", () => codes.get(2) === 2_500, 20_000);
    upstream.script = FOUND;
    assert.equal(await rcode(dns, OUTSIDE), 0);
  });
});

test("what was under way and is answered counts no more, by UDP and by TCP", async (t) => {
  const upstream = await resolver(t);
  const dns = await serving(t, [upstream]);
  const socket = createSocket("udp4");
  t.after(() => socket.close());
  let answered = 0;
  socket.on("message", () => answered++);
  // More than there may be at one time, of clients and of connections to the resolver.
  for (let round = 0; round < 90; round++) {
    for (let id = 0; id < 100; id++) {
      socket.send(query({ id, name: `${round}-${id}.example.org` }), dns.port, ADDRESS);
    }
    await until("a hundred more are answered", () => answered === (round + 1) * 100);
  }
  const replies = await askTcp(
    dns,
    Buffer.concat(Array.from({ length: 100 }, (_, id) => framed(query({ id, name: `${id}.example.org` })))),
    100,
  );
  assert.deepEqual(new Set(replies.map((reply) => decode(reply).rcode)), new Set([0]));
  assert.equal(counted(dns, "overloaded"), 0);
});

describe("TCP", () => {
  test("takes many questions on one connection, in any pieces, and answers each when it can", async (t) => {
    const upstream = await resolver(t);
    const dns = await serving(t, [upstream]);
    const bytes = Buffer.concat(
      Array.from({ length: 50 }, (_, id) => framed(query({ id, name: id % 2 === 0 ? MESH : OUTSIDE }))),
    );
    const replies = await askTcp(dns, bytes, 50);
    assert.deepEqual(
      replies.map((reply) => decode(reply).id).sort((a, b) => a - b),
      Array.from({ length: 50 }, (_, id) => id),
    );
  });

  test("does not read from a client that does not read its answers", async (t) => {
    const dns = await serving(t, []);
    const ips = Array.from({ length: 200 }, (_, index) => `241.0.1.${index}`);
    dns.server.use(readNameTable(JSON.stringify({ records: [{ name: MESH, ips }] })));
    const socket = createConnection({ host: dns.address, port: dns.port });
    t.after(() => socket.destroy());
    socket.pause();
    const questions = 60_000;
    socket.write(Buffer.concat(Array.from({ length: questions }, () => framed(query({ name: MESH })))));
    let seen = -1;
    await until("the server stops to read", async () => {
      const before = seen;
      seen = counted(dns, "mesh");
      await new Promise((resolve) => setTimeout(resolve, 300));
      return seen > 0 && seen === before;
    });
    assert.ok(seen < questions / 2, `${seen} were answered`);
    assert.equal(await rcode(dns, MESH), 0);
  });

  test("drops a connection that sends no questions", async (t) => {
    const dns = await serving(t, []);
    assert.deepEqual(await askTcp(dns, framed(Buffer.from("hello")), 1), []);
    const [reply] = await askTcp(dns, framed(query({ name: MESH })), 1);
    assert.equal(decode(reply ?? Buffer.alloc(0)).answers.length, 1);
  });
});

describe("packets that are no questions", () => {
  test("because no question is that long are refused", async (t) => {
    const upstream = await resolver(t);
    const dns = await serving(t, [upstream]);
    const long = query({ name: OUTSIDE, edns: 1232, options: Buffer.alloc(5_000) });
    assert.equal(decode((await askUdp(dns, long)) ?? Buffer.alloc(0)).rcode, 5);
    assert.equal(upstream.asked.length, 0);
  });

  test("are passed over; a question that cannot be read is a format error", async (t) => {
    const dns = await serving(t, []);
    for (const packet of [Buffer.alloc(0), Buffer.alloc(11), replyTo(query({ name: MESH }), [])]) {
      assert.equal(await askUdp(dns, packet, 150), undefined);
    }
    const none = u16(7, 0x0100, 0, 0, 0, 0);
    const two = Buffer.concat([u16(7, 0x0100, 2, 0, 0, 0), query({ name: MESH }).subarray(12)]);
    const pointer = Buffer.concat([u16(7, 0x0100, 1, 0, 0, 0), Buffer.from([0xc0, 0x0c]), u16(1, 1)]);
    for (const packet of [none, two, pointer]) {
      assert.deepEqual([decode((await askUdp(dns, packet)) ?? Buffer.alloc(0)).rcode], [1]);
    }
  });

  test("of any kind, from clients and from resolvers, leave the server serving", async (t) => {
    const upstream = await resolver(t);
    const dns = await serving(t, [upstream]);
    const socket = createSocket("udp4");
    t.after(() => socket.close());
    const valid = query({ name: OUTSIDE, edns: 1232 });
    const damaged = fc
      .array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 })
      .map((edits) => {
        const packet = Buffer.from(valid);
        for (const [at, value] of edits) packet[at] = value;
        return packet;
      });
    const anything = fc.oneof(
      fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes)),
      damaged,
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(anything, { minLength: 1, maxLength: 20 }),
        anything,
        async (packets, reply) => {
          // The resolver answers with nonsense under the right number, then properly.
          upstream.script = (asked) => {
            const nonsense = Buffer.from(reply);
            if (nonsense.length >= 2) asked.copy(nonsense, 0, 0, 2);
            return isWhole(asked) ? [nonsense, replyTo(asked, [])] : nonsense;
          };
          for (const packet of packets) socket.send(packet, dns.port, ADDRESS);
          assert.equal(await rcode(dns, MESH), 0);
          assert.notEqual(await askUdp(dns, query({ name: OUTSIDE })), undefined);
        },
      ),
      { numRuns: 100 },
    );
  });
});

test("another table is used from one question to the next, and none is lost", async (t) => {
  const dns = await serving(t, []);
  let isChanging = true;
  const changes = (async () => {
    for (let round = 2; isChanging; round = 2 + ((round - 1) % 200)) {
      dns.server.use(table(`241.0.0.${round}`));
      await new Promise(setImmediate);
    }
  })();
  const lost = await Promise.all(
    Array.from({ length: 50 }, async () => {
      let missing = 0;
      for (let index = 0; index < 40; index++) {
        const reply = await askUdp(dns, query({ name: MESH }));
        if (reply === undefined || decode(reply).answers.length !== 1) missing++;
      }
      return missing;
    }),
  );
  isChanging = false;
  await changes;
  assert.deepEqual(new Set(lost), new Set([0]));
});

test("questions that come back to the server end there, and the log says why", async (t) => {
  // What a redirection does that does not spare the launcher's own user: its packets arrive here, from their own port.
  const upstream = await resolver(t, () => undefined);
  const dns = await serving(t, [upstream], { longestMs: 3_000 });
  const client = askUdp(dns, query({ id: 9, name: OUTSIDE }));
  const sent = await until("the question is on its way", () => upstream.asked[0]);
  const loop = createSocket("udp4");
  t.after(() => loop.close());
  loop.bind(sent.port, "127.0.0.2");
  await once(loop, "listening");
  loop.send(sent.query, dns.port, ADDRESS);
  const [back] = await once(loop, "message");
  assert.deepEqual([decode(back).rcode, decode(back).id], [2, sent.query.readUInt16BE(0)]);
  assert.equal(counted(dns, "looped"), 1);
  assert.match(dns.log.join(""), /led back to it: the user that it runs as must be excluded/);
  assert.equal(decode((await client) ?? Buffer.alloc(0)).rcode, 2);
});

test("a resolver that is the server itself is not asked", async (t) => {
  const dns = await serving(t, []);
  dns.conf = conf(dns);
  assert.equal(await rcode(dns, OUTSIDE), 2);
  assert.equal(counted(dns, "failed"), 1);
});

test("an address that is in use is an error, and nothing is left listening", async (t) => {
  const taken = await serving(t, []);
  const second = new DnsServer({
    addresses: ["127.0.0.9", ADDRESS],
    port: taken.port,
    resolvConf: () => conf(),
    log: createLogger({ level: "off", json: false }),
    random: randomNumbers(),
    now: () => performance.now(),
  });
  await assert.rejects(second.listen(), { code: "EADDRINUSE" });
  const third = await startResolver("127.0.0.9", FOUND, taken.port);
  await third[Symbol.asyncDispose]();
});

describe("a name that is not known where the mesh has names", () => {
  const NEW = "New.svc.mesh.local";
  const renewed = readNameTable(JSON.stringify({ records: [{ name: NEW, ips: ["241.0.0.9"] }] }));

  test("is answered from the table as it is by then, over UDP and TCP", async (t) => {
    const upstream = await resolver(t, (asked) => replyTo(asked, [], 3));
    let asked = 0;
    const dns = await serving(t, [upstream], {
      news: async () => {
        asked++;
        dns.server.use(renewed);
      },
    });
    assert.equal(await rcode(dns, NEW), 0);
    dns.server.use(table("241.0.0.1"));
    const [reply] = await askTcp(dns, framed(query({ name: NEW })), 1);
    assert.equal(decode(reply ?? Buffer.alloc(0)).answers[0]?.data, "241.0.0.9");
    assert.deepEqual([asked, upstream.asked.length, counted(dns, "mesh")], [2, 0, 2]);
  });

  test("is relayed when it is still not known; others are relayed at once", async (t) => {
    const upstream = await resolver(t, (asked) => replyTo(asked, [], 3));
    let asked = 0;
    const dns = await serving(t, [upstream], { news: async () => void asked++ });
    assert.equal(await rcode(dns, "never.mesh.local"), 3);
    assert.equal(asked, 1);
    for (const name of [OUTSIDE, "mesh.local.example.org", "xmesh.local", "local", MESH])
      await rcode(dns, name);
    assert.equal(asked, 1);
    assert.equal(upstream.asked.length, 5);
  });

  test("waits half a second for news that does not come, and no longer", async (t) => {
    const upstream = await resolver(t, (asked) => replyTo(asked, [], 3));
    const dns = await serving(t, [upstream], { news: () => new Promise(() => undefined) });
    const since = performance.now();
    assert.equal(await rcode(dns, NEW), 3);
    assert.ok(performance.now() - since >= 490);
    assert.equal(await rcode(dns, MESH), 0);
  });

  test("is let go when the server closes meanwhile", async (t) => {
    const upstream = await resolver(t);
    let arrived = (): void => undefined;
    const dns = await serving(t, [upstream], { news: () => new Promise((resolve) => (arrived = resolve)) });
    const asking = askUdp(dns, query({ name: NEW }), 400);
    await until("the question waits", () => arrived.length === 1);
    dns.server.close();
    arrived();
    assert.equal(await asking, undefined);
    assert.equal(upstream.asked.length, 0);
  });
});
