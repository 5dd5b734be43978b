import assert from "node:assert/strict";
import { test } from "node:test";
import type { DataplaneInbound } from "@skein/model";
import { allTakenOut, withFoundStates } from "./inbound-states.ts";

const OUT = { state: "NotReady", health: { ready: false } } as const;
const PROBE = { serviceProbe: { tcp: {} } };

const dataplane = (...inbound: Partial<DataplaneInbound>[]) => ({
  spec: { networking: { inbound: inbound.map((each) => ({ port: 80, ...each })) } },
});

function stored(
  next: ReturnType<typeof dataplane>,
  before?: ReturnType<typeof dataplane>,
  keepDrained = true,
): unknown {
  const { spec } = withFoundStates(next, before, { keepDrained, probes: true });
  const inbounds: readonly DataplaneInbound[] = spec.networking.inbound;
  return inbounds.map(({ state, health }) => [state, health?.ready]);
}

test("an inbound with a probe begins as not ready, others do not", () => {
  assert.deepEqual(stored(dataplane({ ...PROBE }, { port: 81 }, { ...PROBE, port: 82, state: "Ready" })), [
    ["NotReady", false],
    [undefined, undefined],
    ["NotReady", false],
  ]);
});

test("what was found out stays when a Dataplane is written anew", () => {
  const before = dataplane({ ...PROBE, ...OUT }, { ...PROBE, port: 81 });
  const same = dataplane({ ...PROBE }, { ...PROBE, port: 81 });
  assert.deepEqual(stored(same, before), [
    ["NotReady", false],
    [undefined, undefined],
  ]);
  // A document that somebody read earlier says what was then.
  const older = dataplane({ ...PROBE }, { ...PROBE, port: 81, ...OUT });
  assert.deepEqual(stored(older, before), [
    ["NotReady", false],
    [undefined, undefined],
  ]);
});

test("an inbound that gets a probe goes on until it fails; a new one has to succeed first", () => {
  assert.deepEqual(stored(dataplane({ ...PROBE }, { ...PROBE, port: 81 }), dataplane({})), [
    [undefined, undefined],
    ["NotReady", false],
  ]);
});

test("inbounds that share a port keep apart", () => {
  const before = dataplane({ ...PROBE, tags: { a: "1" } }, { ...PROBE, tags: { a: "2" }, ...OUT });
  assert.deepEqual(stored(dataplane({ ...PROBE }, { ...PROBE }), before), [
    [undefined, undefined],
    ["NotReady", false],
  ]);
});

test("what somebody wrote counts, and is not carried on when it is not written any more", () => {
  assert.deepEqual(
    stored(dataplane({ ...PROBE, state: "NotReady" }, { ...PROBE, port: 81, state: "Ignored" }), dataplane()),
    [
      ["NotReady", undefined],
      ["Ignored", undefined],
    ],
  );
  assert.deepEqual(stored(dataplane({}, { port: 81 }), dataplane({ state: "NotReady" }, { port: 81 })), [
    [undefined, undefined],
    [undefined, undefined],
  ]);
});

test("what drains stays out where asked for", () => {
  const [before, next] = [dataplane(OUT), dataplane({})];
  assert.deepEqual(stored(next, before), [["NotReady", false]]);
  assert.deepEqual(stored(next, before, false), [[undefined, undefined]]);
});

test("taking all out leaves alone what is out already", () => {
  const { spec } = dataplane({}, { port: 81, state: "Ignored" }, { port: 82, state: "NotReady" });
  const all = allTakenOut(spec);
  assert.deepEqual(
    all.networking?.inbound?.map(({ state, health }) => [state, health?.ready]),
    [
      ["NotReady", false],
      ["Ignored", undefined],
      ["NotReady", undefined],
    ],
  );
  assert.equal(allTakenOut(all), all);
});

test("listeners for others of the zone are taken out with the inbounds, and stay out while it drains", () => {
  const egress = (state?: "Ready" | "NotReady") => ({
    spec: {
      networking: {
        listeners: [{ type: "ZoneEgress" as const, port: 10_002, ...(state === undefined ? {} : { state }) }],
      },
    },
  });
  const drained = { spec: allTakenOut(egress().spec) };
  assert.deepEqual(drained, egress("NotReady"));
  const again = (keepDrained: boolean) => withFoundStates(egress(), drained, { keepDrained, probes: true });
  assert.deepEqual(again(true), egress("NotReady"));
  assert.deepEqual(again(false), egress());
  const back = withFoundStates(egress("Ready"), drained, { keepDrained: true, probes: true });
  assert.deepEqual(back, egress("Ready"), "who wrote NotReady can write Ready");
});

test("where no probes are made, an inbound with one is like any other", () => {
  const options = { keepDrained: false, probes: false };
  const next = dataplane({ ...PROBE });
  assert.equal(withFoundStates(next, undefined, options), next);
  assert.equal(withFoundStates(next, dataplane({ ...PROBE, ...OUT }), options), next);
});
