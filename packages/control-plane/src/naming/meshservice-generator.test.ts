import assert from "node:assert/strict";
import { test } from "node:test";
import { type DataplaneResource, type MeshServiceResource, meshServiceKind } from "@skein/model";
import fc from "fast-check";
import { deriveMeshService, type MeshServiceInput } from "./meshservice-generator.ts";
import { serviceOffers } from "./service-offer.ts";
import { dataplane, inbound, SETTINGS, stored, userService } from "./testing/resources.ts";

const NOW = Date.parse("2026-02-03T04:05:06Z");

function derive(
  name: string,
  dataplanes: readonly DataplaneResource[],
  more: Partial<MeshServiceInput> = {},
) {
  const offers = dataplanes
    .flatMap((each) => serviceOffers(each, more.settings))
    .filter(({ service }) => service === name);
  return deriveMeshService({
    ...{ mesh: "demo", name, enabled: true, offers, existing: undefined, now: NOW, settings: SETTINGS },
    ...more,
  });
}

function generated(
  name: string,
  dataplanes: readonly DataplaneResource[],
  more: Partial<MeshServiceResource> = {},
): MeshServiceResource {
  const { draft } = derive(name, dataplanes);
  assert.ok(draft);
  return { ...stored(draft), ...more };
}

test("a service tag becomes a MeshService with the labels and ports of the specification", () => {
  const http = inbound("backend", 8080, { name: "main", protocol: "HTTP" });
  const metrics = {
    ...inbound("backend", 9090),
    tags: { "kuma.io/service": "backend", "kuma.io/protocol": "grpc" },
  };
  const { draft, problems } = derive("backend", [dataplane("b-1", [metrics, http])]);
  assert.deepEqual(problems, []);
  assert.deepEqual(draft, {
    type: "MeshService",
    mesh: "demo",
    name: "backend",
    labels: {
      "kuma.io/display-name": "backend",
      "kuma.io/managed-by": "meshservice-generator",
      "kuma.io/mesh": "demo",
      "kuma.io/origin": "zone",
      "kuma.io/zone": "east",
      "kuma.io/env": "universal",
    },
    spec: {
      state: "Unavailable",
      selector: { dataplaneTags: { "kuma.io/service": "backend" } },
      ports: [
        { name: "main", port: 8080, targetPort: 8080, appProtocol: "http" },
        { name: "9090", port: 9090, targetPort: 9090, appProtocol: "grpc" },
      ],
    },
    owner: { type: "Mesh", mesh: "", name: "demo" },
  });
});

test("with tags of inbounds disabled, the workload label counts on every dataplane", () => {
  const settings = { ...SETTINGS, inboundTagsDisabled: true };
  const tagged = dataplane("b-1", [inbound("backend", 8080)], { labels: { "kuma.io/workload": "api" } });
  assert.deepEqual(serviceOffers(dataplane("b-2", [inbound("backend", 8080)]), settings), []);
  assert.equal(derive("backend", [tagged], { settings }).draft, undefined);
  assert.deepEqual(derive("api", [tagged], { settings }).draft?.spec.selector, {
    dataplaneLabels: { matchLabels: { "kuma.io/workload": "api" } },
  });
});

test("a dataplane without service tags is selected by its workload label; one with a tag is not", () => {
  const labels = { "kuma.io/workload": "api" };
  const untagged = dataplane("a", [inbound(undefined, 80), inbound(undefined, 49151)], { labels });
  const tagged = dataplane("b", [inbound("web", 80)], { labels });
  assert.deepEqual(derive("api", [untagged, tagged]).draft?.spec.selector, {
    dataplaneLabels: { matchLabels: labels },
  });
  assert.equal(derive("api", [tagged]).draft, undefined);
  assert.equal(derive("api", [dataplane("c", [inbound(undefined, 49151)], { labels })]).draft, undefined);
  assert.equal(derive("api", [dataplane("gateway", [], { labels })]).draft, undefined);
});

test("an ignored inbound adds no port and no service: its proxy does not listen for it", () => {
  const ignored = (service: string | undefined, port: number) =>
    ({ ...inbound(service, port), state: "Ignored" }) as const;
  const labels = { "kuma.io/workload": "api" };
  const ports = (name: string, ...inbounds: readonly ReturnType<typeof inbound>[]) =>
    derive(name, [dataplane("a", inbounds, { labels })]).draft?.spec.ports?.map(({ port }) => port);
  assert.deepEqual(ports("web", inbound("web", 80), ignored("web", 81)), [80]);
  assert.equal(ports("web", ignored("web", 80), inbound("other", 81)), undefined);
  assert.deepEqual(ports("api", inbound(undefined, 80), ignored(undefined, 81)), [80]);
  assert.equal(ports("api", ignored(undefined, 80)), undefined);
  // What takes no traffic does not decide either how the others name their service.
  assert.deepEqual(ports("api", inbound(undefined, 80), ignored("web", 81)), [80]);
  // One that is not ready yet is there.
  assert.deepEqual(ports("web", { ...inbound("web", 80), state: "NotReady" }), [80]);
});

test("a service moves from tags to labels at once where the label finds all, and says so where it does not", () => {
  const labels = { "kuma.io/workload": "api" };
  const untagged = dataplane("new", [inbound(undefined, 80)], { labels });
  const both = derive("api", [dataplane("old", [inbound("api", 80)], { labels }), untagged]);
  assert.deepEqual(both.draft?.spec.selector, { dataplaneLabels: { matchLabels: labels } });
  assert.deepEqual(both.problems, []);
  const torn = derive("api", [dataplane("old", [inbound("api", 80)]), untagged]);
  assert.deepEqual(torn.draft?.spec.selector, { dataplaneTags: { "kuma.io/service": "api" } });
  assert.equal(torn.problems[0]?.reason, "SelectorsDiffer");
  assert.match(torn.problems[0]?.message ?? "", /dataplane new has/);
});

test("ports stay while one dataplane agrees, else they are the oldest one's; who differs is reported", () => {
  const at = (creationTime: string) => ({ creationTime });
  const old = dataplane("x-old", [inbound("api", 80)], at("2026-01-01T00:00:00Z"));
  const young = dataplane("a-young", [inbound("api", 81)], at("2026-01-02T00:00:00Z"));
  const fresh = derive("api", [young, old]);
  assert.equal(fresh.draft?.spec.ports?.[0]?.port, 80);
  assert.equal(fresh.problems[0]?.reason, "PortsDiffer");
  assert.match(fresh.problems[0]?.message ?? "", /a-young differs/);

  const existing = generated("api", [young]);
  const kept = derive("api", [old, young], { existing });
  assert.equal(kept.draft, existing);
  assert.match(kept.problems[0]?.message ?? "", /x-old differs/);
  assert.equal(derive("api", [old], { existing }).draft?.spec.ports?.[0]?.port, 80);
});

test("an update keeps status, state and identities", () => {
  const existing = generated("api", [dataplane("a", [inbound("api", 80)])], {
    status: { vips: [{ ip: "241.0.0.7" }] },
  });
  existing.spec.state = "Available";
  existing.spec.identities = [{ type: "SpiffeID", value: "spiffe://demo/a" }];
  const { draft } = derive("api", [dataplane("a", [inbound("api", 81)])], { existing });
  assert.equal(draft?.spec.ports?.[0]?.port, 81);
  assert.equal(draft?.spec.state, "Available");
  assert.deepEqual(draft?.spec.identities, existing.spec.identities);
  assert.deepEqual(draft?.status, existing.status);
});

test("a user's service of the same name stays and is reported", () => {
  const existing = userService("api");
  const { draft, problems } = derive("api", [dataplane("a", [inbound("api", 80)])], { existing });
  assert.equal(draft, existing);
  assert.equal(problems[0]?.reason, "NameTaken");
  assert.deepEqual(derive("api", [], { existing }), { draft: existing, problems: [] });
});

test("a copy of another zone's generated service is never touched", () => {
  const existing = generated("api", [dataplane("a", [inbound("api", 80)])]);
  const copy = { ...existing, labels: { ...existing.labels, "kuma.io/origin": "global" } };
  assert.equal(derive("api", [], { existing: copy }).draft, copy);
});

test("a tag that cannot be a name is reported", () => {
  const { draft, problems } = derive("my_service", [dataplane("a", [inbound("my_service", 80)])]);
  assert.equal(draft, undefined);
  assert.equal(problems[0]?.reason, "InvalidName");
});

test("the grace period: started, waited for, ended by time or by a dataplane", () => {
  const dp = dataplane("a", [inbound("api", 80)]);
  const started = derive("api", [], { existing: generated("api", [dp]) });
  const label = started.draft?.labels["kuma.io/deletion-grace-period-started-at"];
  assert.equal(label, "2026-02-03T04:05:06Z");
  assert.equal(started.lookAgainAt, NOW + 3_600_000);
  assert.ok(started.draft);
  const existing = stored(started.draft);

  const waiting = derive("api", [], { existing, now: NOW + 3_599_999 });
  assert.equal(waiting.draft, existing);
  assert.equal(waiting.lookAgainAt, NOW + 3_600_000);
  assert.equal(derive("api", [], { existing, now: NOW + 3_600_000 }).draft, undefined);

  const back = derive("api", [dp], { existing, now: NOW + 5 });
  assert.deepEqual(back.draft?.labels, generated("api", [dp]).labels);
  assert.equal(back.lookAgainAt, undefined);
});

test("a grace period that began in the future, or at no time, begins now", () => {
  for (const text of ["2030-01-01T00:00:00Z", "soon"]) {
    const existing = generated("api", [dataplane("a", [inbound("api", 80)])]);
    const labels = { ...existing.labels, "kuma.io/deletion-grace-period-started-at": text };
    const { draft } = derive("api", [], { existing: { ...existing, labels } });
    assert.equal(draft?.labels["kuma.io/deletion-grace-period-started-at"], "2026-02-03T04:05:06Z", text);
  }
});

test("a mesh without MeshServices loses the generated ones at once, and only these", () => {
  const existing = generated("api", [dataplane("a", [inbound("api", 80)])]);
  assert.equal(
    derive("api", [dataplane("a", [inbound("api", 80)])], { existing, enabled: false }).draft,
    undefined,
  );
  const users = userService("api");
  assert.equal(derive("api", [], { existing: users, enabled: false }).draft, users);
});

test("labels propagate by majority, within the allowed keys, and never reserved ones", () => {
  const dps = ["blue", "green", "green"].map((color, i) =>
    dataplane(
      `d${i}`,
      [{ ...inbound("api", 80), tags: { "kuma.io/service": "api", team: "core", bad: "a b" } }],
      {
        labels: { color, "kuma.io/secret": "x" },
      },
    ),
  );
  const settings = { ...SETTINGS, labelPropagation: { enabled: true, allowedLabelKeys: [] as string[] } };
  const all = derive("api", dps, { settings }).draft?.labels ?? {};
  assert.equal(all.color, "green");
  assert.equal(all.team, "core");
  assert.equal(all["kuma.io/secret"], undefined);
  assert.equal(all.bad, undefined);
  const some = { ...SETTINGS, labelPropagation: { enabled: true, allowedLabelKeys: ["team"] } };
  assert.equal(derive("api", dps, { settings: some }).draft?.labels.color, undefined);
  assert.equal(derive("api", dps).draft?.labels.team, undefined);
});

const arbitraryInbound = fc.record(
  {
    port: fc.constantFrom(80, 81, 8080, 49151),
    name: fc.constantFrom("http", "80", "8080", "Bad Name", ""),
    protocol: fc.constantFrom("http", "grpc", "TCP", ""),
    tags: fc.constantFrom({ "kuma.io/service": "api" }, { "kuma.io/service": "web" }, {}),
  },
  { requiredKeys: ["port"] },
);
const arbitraryDataplanes = fc
  .array(fc.tuple(fc.array(arbitraryInbound, { maxLength: 4 }), fc.constantFrom("api", "web", undefined)), {
    maxLength: 5,
  })
  .map((list) =>
    list.map(([inbounds, workload], i) =>
      dataplane(`d${i}`, inbounds, {
        labels: workload === undefined ? {} : { "kuma.io/workload": workload },
      }),
    ),
  );

test("what is generated is valid, settles at once and does not depend on the order of dataplanes", () => {
  fc.assert(
    fc.property(arbitraryDataplanes, arbitraryDataplanes, (before, after) => {
      const first = derive("api", before).draft;
      const existing = first && stored(first);
      const second = derive("api", after, { existing }).draft;
      for (const draft of [first, second]) {
        if (draft !== undefined) assert.deepEqual(meshServiceKind.validate?.(draft), []);
      }
      const reversed = derive("api", after.toReversed(), { existing }).draft;
      assert.deepEqual(reversed, second);
      if (second === undefined) return;
      const settled = stored(second);
      assert.equal(derive("api", after, { existing: settled }).draft, settled);
    }),
  );
});
