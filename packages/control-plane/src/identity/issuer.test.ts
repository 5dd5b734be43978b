import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { createIssuer, type IssueFailure, type Issuer, type SigningAuthority, type Svid } from "./issuer.ts";
import type { Leaf, LeafRequest } from "./leaf.ts";
import { localAuthority } from "./local-authority.ts";
import { type FakeClock, fakeClock, newCa, settle, until } from "./testing.ts";

const hourMs = 3600_000;
const minuteMs = 60_000;

/** An authority that answers at once, or as `behave` says, and counts. */
function fakeAuthority(id: string, behave: (request: LeafRequest) => Promise<void> = async () => {}) {
  const requests: LeafRequest[] = [];
  const authority: SigningAuthority = {
    id,
    async issue(request): Promise<Leaf> {
      requests.push(request);
      await behave(request);
      const serial = Buffer.from(request.serial).toString("hex");
      const { now, ttlMs } = request;
      return { certChainPem: id, privateKeyPem: id, notBefore: now - 10_000, notAfter: now + ttlMs, serial };
    },
  };
  return { authority, requests };
}

interface Setup {
  readonly clock: FakeClock;
  readonly issuer: Issuer;
  readonly issued: { readonly key: string; readonly svid: Svid; readonly at: number }[];
  readonly failed: IssueFailure[];
}

function setup(options: { readonly jitter?: () => number; readonly concurrency?: number } = {}): Setup {
  const clock = fakeClock();
  const issued: Setup["issued"] = [];
  const failed: IssueFailure[] = [];
  const issuer = createIssuer({
    clock,
    random: randomBytes,
    jitter: options.jitter ?? (() => 0),
    concurrency: options.concurrency ?? 4,
    onIssued: (key, svid) => issued.push({ key, svid, at: clock.now() }),
    onFailed: (failure) => failed.push(failure),
  });
  return { clock, issuer, issued, failed };
}

test("a workload gets one certificate, however often it asks", async () => {
  const { issuer, issued } = setup();
  const { authority, requests } = fakeAuthority("ca");
  const request = { key: "p", uris: ["spiffe://td/a"], authority, ttlMs: hourMs };
  assert.equal(issuer.request(request), undefined);
  issuer.request({ ...request });
  await settle();
  assert.equal(issuer.request({ ...request, uris: [...request.uris] }), issued[0]?.svid);
  await settle();
  assert.equal(requests.length, 1);
  assert.equal(issued.length, 1);
  assert.deepEqual(issuer.current("p")?.uris, request.uris);
});

test("it is renewed at two thirds of its life, and the old one serves until then", async () => {
  const { clock, issuer, issued } = setup();
  const { authority } = fakeAuthority("ca");
  const start = clock.now();
  issuer.request({ key: "p", uris: ["spiffe://td/a"], authority, ttlMs: hourMs });
  await settle();
  const first = issuer.current("p");
  await clock.pass(39 * minuteMs);
  assert.equal(issuer.current("p"), first);
  await clock.pass(2 * minuteMs);
  assert.equal(issued.length, 2);
  assert.equal(issued[1]?.at, start + 40 * minuteMs);
  assert.notEqual(issuer.current("p")?.serial, first?.serial);
});

test("another CA, id or lifetime gives another certificate, and the old one serves until it is there", async () => {
  const { issuer, issued } = setup();
  const one = fakeAuthority("one");
  const two = fakeAuthority("two");
  const request = { key: "p", uris: ["spiffe://td/a"], authority: one.authority, ttlMs: hourMs };
  issuer.request(request);
  await settle();
  const before = issuer.current("p");
  assert.equal(issuer.request({ ...request, authority: two.authority }), before);
  await settle();
  assert.equal(issuer.current("p")?.authorityId, "two");
  issuer.request({ ...request, authority: two.authority, uris: ["spiffe://td/b"] });
  await settle();
  assert.deepEqual(issuer.current("p")?.uris, ["spiffe://td/b"]);
  issuer.request({ ...request, authority: two.authority, uris: ["spiffe://td/b"], ttlMs: 2 * hourMs });
  await settle();
  assert.equal(issued.length, 4);
});

test("a certificate that was asked for before a change is not handed out after it", async () => {
  const { issuer, issued } = setup();
  let release: () => void = () => {};
  const slow = fakeAuthority("slow", () => new Promise((resolve) => (release = resolve)));
  const quick = fakeAuthority("quick");
  issuer.request({ key: "p", uris: ["spiffe://td/a"], authority: slow.authority, ttlMs: hourMs });
  issuer.request({ key: "p", uris: ["spiffe://td/a"], authority: quick.authority, ttlMs: hourMs });
  await settle();
  release();
  await settle();
  assert.deepEqual(
    issued.map(({ svid }) => svid.authorityId),
    ["quick"],
  );
});

test("a forgotten workload gets nothing any more, and leaves no timer", async () => {
  const { clock, issuer, issued } = setup();
  let release: () => void = () => {};
  const { authority } = fakeAuthority("ca", () => new Promise((resolve) => (release = resolve)));
  issuer.request({ key: "p", uris: ["spiffe://td/a"], authority, ttlMs: hourMs });
  await settle();
  issuer.forget("p");
  release();
  await settle();
  await clock.pass(2 * hourMs);
  assert.equal(issued.length, 0);
  assert.equal(issuer.current("p"), undefined);
  assert.equal(clock.timers, 0);
});

test("a failing CA is asked again, ever more seldom, and reported until it works", async () => {
  const { clock, issuer, issued, failed } = setup({ jitter: () => 0.5 });
  let broken = true;
  const { authority, requests } = fakeAuthority("ca", async () => {
    if (broken) throw new Error("the CA is out to lunch");
  });
  const start = clock.now();
  issuer.request({ key: "p", uris: ["spiffe://td/a"], authority, ttlMs: hourMs });
  await settle();
  assert.deepEqual(issuer.failures(), [
    { key: "p", error: "the CA is out to lunch", since: start, attempts: 1 },
  ]);
  await clock.pass(10 * minuteMs);
  const waits = requests.slice(1).map(({ now }, index) => (now - (requests[index]?.now ?? 0)) / 1000);
  assert.deepEqual(waits.slice(0, 8), [1, 2, 4, 8, 16, 32, 60, 60]);
  assert.equal(failed.at(-1)?.attempts, requests.length);
  assert.equal(issuer.failure("p")?.since, start);
  broken = false;
  await clock.pass(minuteMs);
  assert.equal(issued.length, 1);
  assert.deepEqual(issuer.failures(), []);
});

test("a CA that never answers has failed after ten seconds, and holds nobody else up for longer", async () => {
  const { clock, issuer, failed, issued } = setup({ concurrency: 1 });
  const silent = fakeAuthority("silent", () => new Promise(() => {}));
  const { authority } = fakeAuthority("ca");
  issuer.request({ key: "p", uris: ["spiffe://td/a"], authority: silent.authority, ttlMs: hourMs });
  issuer.request({ key: "q", uris: ["spiffe://td/b"], authority, ttlMs: hourMs });
  await clock.pass(9_000);
  assert.equal(failed.length, 0);
  await clock.pass(1_000);
  assert.match(failed[0]?.error ?? "", /did not answer within 10000 ms/);
  assert.equal(issued[0]?.key, "q");
});

test("a CA that is slow to answer is not asked twice meanwhile", async () => {
  const { clock, issuer } = setup();
  let release: () => void = () => {};
  const slow = fakeAuthority("slow", () => new Promise((resolve) => (release = resolve)));
  const { authority, requests } = fakeAuthority("ca");
  issuer.request({ key: "p", uris: ["spiffe://td/a"], authority: slow.authority, ttlMs: hourMs });
  issuer.request({ key: "q", uris: ["spiffe://td/b"], authority, ttlMs: 3_000 });
  await clock.pass(8_000);
  assert.ok(requests.length > 2, "others are renewed meanwhile");
  release();
  await settle();
  assert.equal(slow.requests.length, 1);
});

test("a renewal that fails leaves the old certificate in use until it expires, and never longer", async () => {
  const { clock, issuer } = setup();
  let broken = false;
  const { authority } = fakeAuthority("ca", async () => {
    if (broken) throw new Error("no");
  });
  issuer.request({ key: "p", uris: ["spiffe://td/a"], authority, ttlMs: hourMs });
  await settle();
  broken = true;
  await clock.pass(59 * minuteMs);
  assert.ok(issuer.current("p"));
  assert.ok(issuer.failure("p"));
  await clock.pass(2 * minuteMs);
  assert.equal(issuer.current("p"), undefined);
});

for (const [direction, jumpMs] of [
  ["forward past the certificate's end", 5 * hourMs],
  ["back to before its beginning", -5 * hourMs],
] as const) {
  test(`the clock jumps ${direction}: a new certificate within half a minute`, async () => {
    const { clock, issuer, issued } = setup();
    const { authority } = fakeAuthority("ca");
    issuer.request({ key: "p", uris: ["spiffe://td/a"], authority, ttlMs: hourMs });
    await clock.pass(minuteMs);
    clock.jump(jumpMs);
    assert.equal(issuer.current("p"), undefined, "what is not valid now is not given out");
    await clock.pass(30_000);
    assert.equal(issued.length, 2);
    assert.ok(issuer.current("p"));
    await clock.pass(39 * minuteMs);
    assert.equal(issued.length, 2, "one jump, one certificate");
    await clock.pass(2 * minuteMs);
    assert.equal(issued.length, 3);
  });
}

test("after a jump of the clock, whoever asks first does not wait for the next check", async () => {
  const { clock, issuer, issued } = setup();
  const { authority } = fakeAuthority("ca");
  const request = { key: "p", uris: ["spiffe://td/a"], authority, ttlMs: hourMs };
  issuer.request(request);
  await settle();
  clock.jump(5 * hourMs);
  assert.equal(issuer.request(request), undefined);
  await settle();
  assert.equal(issued.length, 2);
});

test("a failure from before the clock was turned back does not keep its waiting time", async () => {
  const { clock, issuer, issued } = setup();
  let broken = true;
  const { authority } = fakeAuthority("ca", async () => {
    if (broken) throw new Error("no");
  });
  issuer.request({ key: "p", uris: ["spiffe://td/a"], authority, ttlMs: hourMs });
  await settle();
  clock.jump(-5 * hourMs);
  broken = false;
  await clock.pass(minuteMs);
  assert.equal(issued.length, 1);
});

test("2,000 workloads that came together are not renewed together, and never more than allowed at once", async () => {
  let seed = 1;
  const jitter = (): number => {
    seed = (seed * 48271) % 2147483647;
    return seed / 2147483647;
  };
  const { clock, issuer, issued } = setup({ jitter, concurrency: 4 });
  let active = 0;
  let most = 0;
  const { authority } = fakeAuthority("ca", async () => {
    most = Math.max(most, ++active);
    await Promise.resolve();
    active--;
  });
  for (let index = 0; index < 2000; index++) {
    issuer.request({ key: `p${index}`, uris: [`spiffe://td/${index}`], authority, ttlMs: 24 * hourMs });
  }
  await until(() => issued.length === 2000);
  assert.equal(most, 4);
  await clock.pass(24 * hourMs * 0.68);
  const renewals = issued.slice(2000).map(({ at }) => at);
  assert.equal(renewals.length, 2000);
  const perMinute = new Map<number, number>();
  for (const at of renewals) {
    const minute = Math.floor(at / minuteMs);
    perMinute.set(minute, (perMinute.get(minute) ?? 0) + 1);
  }
  assert.ok(Math.max(...perMinute.values()) < 60, "spread over an hour and a half");
  assert.equal(new Set(issued.slice(2000).map(({ key }) => key)).size, 2000);
});

test("renewals that are due at one moment go in batches, first certificates at once", async () => {
  const { clock, issuer, issued } = setup();
  const { authority } = fakeAuthority("ca");
  for (let index = 0; index < 300; index++) {
    issuer.request({ key: `p${index}`, uris: [`spiffe://td/${index}`], authority, ttlMs: hourMs });
  }
  await until(() => issued.length === 300);
  const start = clock.now();
  await clock.pass(41 * minuteMs);
  const renewals = issued.slice(300).map(({ at }) => at - start - 40 * minuteMs);
  assert.equal(renewals.length, 300);
  for (const at of new Set(renewals)) assert.equal(renewals.filter((other) => other === at).length, 50);
});

test("a real CA's certificates come through", async () => {
  const { clock, issuer, issued } = setup();
  const authority = localAuthority(await newCa("td", clock.now()));
  issuer.request({ key: "p", uris: ["spiffe://td/a"], authority, ttlMs: hourMs });
  await until(() => issued.length === 1);
  assert.match(issuer.current("p")?.certChainPem ?? "", /BEGIN CERTIFICATE/);
});
