import assert from "node:assert/strict";
import { test } from "node:test";
import type { ExternalPlan } from "@skein/policies";
import { PEM } from "../pipeline/testing/certificates.ts";
import { Documents, ZONE } from "../pipeline/testing/resources.ts";
import { World } from "../pipeline/world.ts";
import { UNKNOWN_NODE } from "./node-facts.ts";

/** A proxy with an outbound to the external service `pay`, in a world that can change. */
class Caller {
  readonly world = new World({ zone: ZONE });
  readonly #documents = new Documents();

  constructor(spec: object, mesh: object = {}) {
    const backendRef = { kind: "MeshExternalService", name: "pay" };
    const networking = {
      address: "127.0.1.1",
      inbound: [{ port: 80 }],
      outbound: [{ port: 10080, backendRef }],
    };
    this.put(
      { type: "Mesh", name: "default", meshServices: { mode: "Exclusive" }, ...mesh },
      { type: "Dataplane", mesh: "default", name: "web", networking },
    );
    this.external(spec);
  }

  put(...documents: readonly object[]): void {
    this.#documents.put(this.world, ...documents);
  }

  external(spec: object): void {
    const match = { type: "HostnameGenerator", port: 443 };
    this.put({ type: "MeshExternalService", mesh: "default", name: "pay", spec: { match, ...spec } });
  }

  secret(name: string, text: string): void {
    this.put({ type: "Secret", mesh: "default", name, data: Buffer.from(text).toString("base64") });
  }

  drop(secret: string): void {
    this.#documents.delete(this.world, "Secret", "default", secret);
  }

  get plan(): ExternalPlan {
    const found = this.#mesh.planner.plan.at("web").get()?.outbounds[0]?.upstream.external;
    assert.ok(found !== undefined, this.conditions.join());
    return found;
  }

  get conditions(): readonly string[] {
    return (this.#mesh.planner.plan.at("web").get()?.conditions ?? []).map(({ type }) => type);
  }

  get secrets(): readonly string[] {
    return [...(this.#mesh.config.at("web").get()?.secrets.keys() ?? [])];
  }

  node(facts: object): void {
    this.#mesh.node.set("web", { ...UNKNOWN_NODE, ...facts });
  }

  get #mesh() {
    return this.world.mesh("default");
  }
}

const byName = (tls: object = {}) => ({
  endpoints: [{ address: "pay.example", port: 443 }],
  tls: { enabled: true, ...tls },
});
const verified = (verification: object) => byName({ verification });

test("priorities keep their order and lose their gaps", () => {
  const endpoints = [
    { address: "192.0.2.2", port: 1, priority: 128 },
    { address: "192.0.2.1", port: 2 },
    { address: "unix:///run/x.sock", priority: 7 },
  ];
  assert.deepEqual(new Caller({ endpoints }).plan.endpoints, [
    { priority: 0, subZone: "priority-0", host: "192.0.2.1", port: 2, isName: false },
    { priority: 1, subZone: "priority-7", socket: "/run/x.sock" },
    { priority: 2, subZone: "priority-128", host: "192.0.2.2", port: 1, isName: false },
  ]);
});

const NAMES: readonly [about: string, spec: object, sni: string | undefined, sans: readonly string[]][] = [
  ["the host that is called", byName(), "pay.example", ["pay.example"]],
  ["the name that is given", verified({ serverName: "a.example" }), "a.example", ["a.example"]],
  [
    "names instead of the one that is asked for",
    verified({ subjectAltNames: [{ type: "Prefix", value: "p" }, { value: "q" }] }),
    "pay.example",
    ["p", "q"],
  ],
  ["none, when none is looked at", verified({ mode: "SkipSAN" }), "pay.example", []],
  ["none, when nobody vouches for one", verified({ mode: "SkipCA" }), "pay.example", []],
  [
    "addresses where there is no name",
    {
      endpoints: [
        { address: "192.0.2.1", port: 1 },
        { address: "2001:db8::1", port: 1 },
      ],
      tls: { enabled: true },
    },
    undefined,
    ["192.0.2.1", "2001:db8::1"],
  ],
];
for (const [about, spec, sni, sans] of NAMES) {
  test(`the name in the certificate: ${about}`, () => {
    const { tls, problem } = new Caller(spec).plan;
    assert.deepEqual([tls?.sni, tls?.sans.map(({ value }) => value), problem], [sni, sans, undefined]);
  });
}

test("a socket has no name, so one has to be given", () => {
  const endpoints = [{ address: "unix:///run/pay.sock" }];
  assert.match(
    new Caller({ endpoints, tls: { enabled: true } }).plan.problem ?? "",
    /a Unix socket has none/,
  );
  const tls = { enabled: true, verification: { serverName: "pay.example" } };
  assert.equal(new Caller({ endpoints, tls }).plan.problem, undefined);
});

test("without a CA of its own it is the machine's that counts, and a machine without one calls nobody", () => {
  const caller = new Caller(byName());
  caller.node({ systemCaPath: "/roots.pem", ipv6: false });
  assert.deepEqual(caller.plan.tls?.authorities, { file: "/roots.pem" });
  assert.equal(caller.plan.family, "v4");
  caller.node({ systemCaPath: undefined });
  assert.match(caller.plan.problem ?? "", /start it with --system-ca-path/);
  assert.deepEqual(caller.conditions, ["UnavailableDestination"]);
  caller.external(verified({ mode: "SkipCA" }));
  assert.equal(caller.plan.problem, undefined);
});

test("a proxy gets the secrets that it calls with, and no others", () => {
  const caller = new Caller(verified({ caCert: { secret: "ca" } }));
  assert.match(caller.plan.problem ?? "", /caCert: there is no Secret "ca" in mesh "default"/);
  assert.deepEqual(caller.secrets, []);
  caller.secret("ca", PEM["ca.pem"]);
  caller.secret("other", PEM["leaf-key.pem"]);
  assert.equal(caller.plan.problem, undefined);
  assert.deepEqual(caller.secrets, ["system_extsvc_ca_pay"]);
  caller.drop("ca");
  assert.match(caller.plan.problem ?? "", /there is no Secret "ca"/);
  assert.deepEqual(caller.secrets, []);
});

test("what is stored and of no use does not replace what was", () => {
  const caller = new Caller(verified({ caCert: { secret: "ca" } }));
  caller.secret("ca", "nonsense");
  assert.match(caller.plan.problem ?? "", /Secret "ca" holds no certificate in PEM form/);
  caller.secret("ca", PEM["ca.pem"]);
  caller.secret("ca", "nonsense");
  assert.equal(caller.plan.problem, undefined);
  assert.match(
    caller.plan.warning ?? "",
    /holds no certificate in PEM form; what was stored before is used on/,
  );
  assert.deepEqual(caller.conditions, ["OutdatedSecret"]);
});

test("a certificate needs its own key", () => {
  const pair = (clientCert: object, clientKey: object) =>
    verified({ caCert: { inlineString: PEM["ca.pem"] }, clientCert, clientKey });
  const certificate = { inlineString: PEM["leaf.pem"] };
  assert.equal(new Caller(pair(certificate, { inlineString: PEM["leaf-key.pem"] })).plan.problem, undefined);
  const wrong = new Caller(pair({ inlineString: PEM["ca.pem"] }, { inlineString: PEM["leaf-key.pem"] }));
  assert.match(wrong.plan.problem ?? "", /clientKey: it is not the key of the certificate in clientCert/);
  const none = new Caller(pair(certificate, { inlineString: "x" }));
  assert.match(none.plan.problem ?? "", /clientKey: it holds no private key in PEM form/);
  assert.doesNotMatch(JSON.stringify(none.plan), /BEGIN/);
});

test("a mesh with an egress sends nothing past it", () => {
  const caller = new Caller(byName(), { routing: { zoneEgress: true } });
  assert.match(caller.plan.problem ?? "", /^Mesh "default" has routing\.zoneEgress: true/);
});

test("an extension that nobody knows leads nowhere", () => {
  const caller = new Caller({ extension: { type: "Lambda" } });
  assert.equal(
    caller.plan.problem,
    'MeshExternalService "pay" has no endpoints; the extension "Lambda" is not known',
  );
});
