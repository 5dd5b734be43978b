import assert from "node:assert/strict";
import { BlockList } from "node:net";
import { test } from "node:test";
import { ListenerSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_pb";
import fc from "fast-check";
import { json } from "../testing/drafts.ts";
import { type Connection, passage } from "../testing/filter-chains.ts";
import { transparentDraft } from "../testing/transparent-drafts.ts";
import { type PassthroughMatch, recognition } from "./conf.ts";
import { passThrough } from "./envoy.ts";

/* The law: a connection leaves exactly when some entry is about it, whatever other entries there are. */

const port = fc.constantFrom(undefined, 22, 80, 443);
const address = fc.constantFrom(
  "10.0.0.1",
  "10.0.0.2",
  "10.9.0.1",
  "192.0.2.1",
  "fd00::1",
  "fd00::2",
  "2001:db8::1",
);
const range = fc.constantFrom(
  "10.0.0.0/8",
  "10.0.0.1/30",
  "10.0.0.1/32",
  "0.0.0.0/0",
  "::/0",
  "fd00::1/64",
  "fd00::/8",
);
const name = fc.constantFrom(
  "a.example.com",
  "b.a.example.com",
  "example.com",
  "*.example.com",
  "*.a.example.com",
  "*.com",
  "*",
);
const byAddress = fc.record({
  type: fc.constantFrom("IP" as const),
  value: address,
  port,
  protocol: fc.constantFrom(
    "tcp" as const,
    "tls" as const,
    "http" as const,
    "http2" as const,
    "mysql" as const,
  ),
});
const entry: fc.Arbitrary<PassthroughMatch> = fc
  .oneof(
    byAddress,
    fc.record({
      type: fc.constantFrom("CIDR" as const),
      value: range,
      port,
      protocol: fc.constantFrom("tcp" as const, "tls" as const, "grpc" as const),
    }),
    fc.record({
      type: fc.constantFrom("Domain" as const),
      value: name,
      port,
      protocol: fc.constantFrom("tls" as const, "http" as const, "grpc" as const),
    }),
  )
  .filter((each) => !(each.protocol === "mysql" && each.port === undefined))
  .filter((each) => !(each.value.startsWith("*") && each.protocol !== "tls" && each.port === undefined));
const host = fc.constantFrom("a.example.com", "c.b.a.example.com", "example.com", "x.org", "A.EXAMPLE.com");
const connection: fc.Arbitrary<Connection> = fc.record({
  address,
  port: fc.constantFrom(22, 80, 443, 9999),
  says: fc.oneof(
    fc.constantFrom<Connection["says"]>({ kind: "bytes" }, { kind: "nothing" }),
    fc.record({
      kind: fc.constant("tls" as const),
      sni: host.map((each) => each.toLowerCase()),
      alpn: fc.constantFrom([], ["h2", "http/1.1"]),
    }),
    fc.constant<Connection["says"]>({ kind: "tls", alpn: [] }),
    fc.record({
      kind: fc.constant("http" as const),
      host,
      version: fc.constantFrom("http/1.0" as const, "http/1.1" as const, "h2c" as const),
    }),
  ),
});

/** Whether the connection is one of those that the entry names, read from the documentation and not from the code. */
function isAbout(
  each: PassthroughMatch,
  all: readonly PassthroughMatch[],
  { address, port, says }: Connection,
): boolean {
  if (each.port !== undefined && each.port !== port) return false;
  const way = recognition(each.protocol ?? "tcp");
  const isOnMysql = all.some(
    (other) =>
      other.protocol === "mysql" && other.port === port && familyOf(other.value) === familyOf(address),
  );
  if (way !== "bytes" && isOnMysql) return false;
  if (each.type !== "Domain") return holds(each.value, address) && (way === "bytes" || way === says.kind);
  if (way !== says.kind) return false;
  if (each.value === "*") return true;
  const said = (says.kind === "tls" ? says.sni : says.kind === "http" ? says.host : undefined)?.toLowerCase();
  return each.value.startsWith("*.") ? said?.endsWith(each.value.slice(1)) === true : said === each.value;
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return address.includes(":") ? "ipv6" : "ipv4";
}

function holds(value: string, address: string): boolean {
  const [prefix = "", length] = value.split("/");
  const block = new BlockList();
  block.addSubnet(prefix, Number(length ?? (familyOf(prefix) === "ipv4" ? 32 : 128)), familyOf(prefix));
  return familyOf(prefix) === familyOf(address) && block.check(address, familyOf(address));
}

test("a connection leaves exactly when some entry is about it", () => {
  let left = 0;
  let refused = 0;
  fc.assert(
    fc.property(
      fc.array(entry, { minLength: 1, maxLength: 8 }),
      fc.array(connection, { minLength: 10, maxLength: 10 }),
      (appendMatch, connections) => {
        const draft = transparentDraft();
        passThrough({ passthroughMode: "Matched", appendMatch }, draft);
        const listeners = [draft.listeners.ipv4, draft.listeners.ipv6].map((each) =>
          each === undefined ? assert.fail() : json(ListenerSchema, each),
        );
        for (const each of connections) {
          const { cluster } = passage(listeners[each.address.includes(":") ? 1 : 0], each);
          const may = appendMatch.some((match) => isAbout(match, appendMatch, each));
          const leaves = cluster !== undefined && draft.clusters.has(cluster);
          assert.equal(
            leaves,
            may,
            `${JSON.stringify(each)} ${may ? "may leave" : "must not leave"}; it got to ${cluster}`,
          );
          if (may) left += 1;
          else refused += 1;
        }
      },
    ),
    { numRuns: 1500 },
  );
  assert.ok(left > 1000 && refused > 1000, `${left} left, ${refused} were refused`);
});
