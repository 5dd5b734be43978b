import assert from "node:assert/strict";
import { test } from "node:test";
import { patiently } from "../patience.ts";
import { pause, until } from "../poll.ts";
import {
  type Fleet,
  type Instance,
  type Judgement,
  THREE,
  type Watched,
  withFleet,
} from "./outlier-scene.ts";
import { answeredOnlyBy, tally } from "./who-answers.ts";

const [FIRST, SECOND, THIRD] = THREE;
/** Long enough for many calls while an instance is left out. */
const OUT_MS = patiently(3_000);

/** A service whose instances are watched by these detectors. */
function watched(
  detectors: object,
  more: { readonly instances?: readonly Instance[]; readonly tcp?: true; readonly conf?: object } = {},
): Watched {
  const { instances = THREE, tcp, conf = { maxEjectionPercent: 100 } } = more;
  const detection = { interval: "300ms", baseEjectionTime: `${OUT_MS}ms`, ...conf, detectors };
  return { instances, detection, ...(tcp === undefined ? {} : { tcp }) };
}
/** For those of which it is not seen that they come back. */
const FOREVER = { baseEjectionTime: "1h" };
/** Rates are of one interval: it has to be long enough for a few calls of each instance. */
const INTERVAL_MS = 1_500;
const STATISTICS = { interval: `${INTERVAL_MS}ms`, maxEjectionPercent: 100 };
/** Of three instances, one that always fails is 1.414 standard deviations below the mean. */
const BELOW = { inside: "1.5", outside: "1.3" } as const;
const THRICE = { consecutive: 3 };
const APART = { maxEjectionPercent: 100, splitExternalAndLocalErrors: true };

const SERVICES = {
  gateway: watched({ gatewayFailures: THRICE }),
  local: watched({ localOriginFailures: THRICE }, { instances: [FIRST, SECOND, "wreck-1"], conf: APART }),
  apart: watched(
    { totalFailures: THRICE, gatewayFailures: THRICE },
    { instances: [FIRST, SECOND, "wreck-2"], conf: { ...APART, ...FOREVER } },
  ),
  together: watched(
    { gatewayFailures: THRICE },
    { instances: [FIRST, SECOND, "wreck-2"], conf: { maxEjectionPercent: 100, ...FOREVER } },
  ),
  rate: watched(
    { successRate: { minimumHosts: 3, requestVolume: 10, standardDeviationFactor: BELOW.outside } },
    { conf: STATISTICS },
  ),
  percentage: watched(
    {
      successRate: { minimumHosts: 4, requestVolume: 10, standardDeviationFactor: BELOW.outside },
      failurePercentage: { minimumHosts: 3, requestVolume: 10, threshold: 80 },
    },
    { conf: STATISTICS },
  ),
  lenient: watched(
    {
      successRate: { minimumHosts: 3, requestVolume: 10, standardDeviationFactor: BELOW.inside },
      failurePercentage: { minimumHosts: 4, requestVolume: 10, threshold: 1 },
    },
    { conf: STATISTICS },
  ),
  volume: watched(
    { failurePercentage: { minimumHosts: 1, requestVolume: 20, threshold: 50 } },
    { conf: STATISTICS },
  ),
  "refused-rate": watched(
    { successRate: { minimumHosts: 3, requestVolume: 10, standardDeviationFactor: BELOW.outside } },
    { instances: [FIRST, SECOND, "wreck-2"], conf: { ...STATISTICS, ...APART, ...FOREVER } },
  ),
  "refused-percentage": watched(
    { failurePercentage: { minimumHosts: 3, requestVolume: 10, threshold: 80 } },
    { instances: [FIRST, SECOND, "wreck-2"], conf: { ...STATISTICS, ...APART, ...FOREVER } },
  ),
  unlimited: watched({ gatewayFailures: THRICE }, { conf: FOREVER }),
  none: watched({ gatewayFailures: THRICE }, { conf: { maxEjectionPercent: 0 } }),
  most: watched({ gatewayFailures: THRICE }, { conf: { ...FOREVER, maxEjectionPercent: 67 } }),
  calm: watched(
    { gatewayFailures: THRICE },
    { conf: { ...FOREVER, maxEjectionPercent: 67, healthyPanicThreshold: 0 } },
  ),
  alarmed: watched(
    { gatewayFailures: THRICE },
    { conf: { ...FOREVER, maxEjectionPercent: 67, healthyPanicThreshold: "90.5" } },
  ),
  bytes: watched(
    { totalFailures: THRICE },
    { instances: ["flight-control-1", "flight-control-2", "wreck-3"], tcp: true },
  ),
  "bytes-apart": watched(
    { localOriginFailures: THRICE },
    { instances: ["flight-control-1", "flight-control-2", "wreck-3"], tcp: true, conf: APART },
  ),
} as const;
type Service = keyof typeof SERVICES;

test("an instance that misbehaves is left out, and comes back", { concurrency: true }, async (t) => {
  await withFleet<Service>(SERVICES, async (fleet) => {
    const cases: readonly [about: string, run: (fleet: Fleet<Service>) => Promise<void>][] = [
      ["one whose answers are those of a broken gateway, but not one of other errors", gateway],
      ["one that takes no connections, but not one that answers with errors", local],
      ["one that answers with errors, but not one that takes no connections", apart],
      ["without the split a connection that fails is like a 503", together],
      ["one that fails more than the others, but none where all fail alike", rate],
      ["one that fails more than a percentage, but none below it", percentage],
      ["none that is inside the deviation, or among too few", lenient],
      ["none that is called too little to be judged", volume],
      ["one that takes fewer connections than the others, or than a percentage", refused],
      ["one at least where the percentage is not said, and no second one", unlimited],
      ["none where the percentage is 0", none],
      ["as many as the percentage says; with fewer well than half, all are called again", most],
      ["… but for a panic threshold of 0", calm],
      ["… and with a high one, also where most are well", alarmed],
      ["one that takes no connections for bytes, but not one whose app takes none of its sidecar", bytes],
    ];
    await Promise.all(cases.map(([about, run]) => t.test(about, () => run(fleet))));
  });
});

async function gateway(fleet: Fleet<Service>): Promise<void> {
  await fails(fleet, "gateway", FIRST, [500, 500, 500, 500, 500, 500, 500]);
  await counts(fleet, "gateway", "ejections_detected_consecutive_5xx");
  await fails(fleet, "gateway", FIRST, [502, 200, 503, 504]);
  assert.deepEqual((await fleet.judgement("gateway")).ejected, []);
  await fails(fleet, "gateway", FIRST, [503]);
  await ejects(fleet, "gateway", [FIRST]);
  await sparedUntilBack(fleet, "gateway", FIRST);
  await answeredOnlyBy(THREE, () => fleet.who("gateway"));
  const { ejections_enforced_consecutive_gateway_failure, ejections_enforced_total } =
    await fleet.counters("gateway");
  assert.deepEqual([ejections_enforced_consecutive_gateway_failure, ejections_enforced_total], [1, 1]);
}

async function local(fleet: Fleet<Service>): Promise<void> {
  await refuses(fleet, "local", 3);
  await ejects(fleet, "local", ["wreck-1"]);
  await counts(fleet, "local", "ejections_enforced_consecutive_local_origin_failure");
  await Promise.all([
    fleet.world.startService({ service: "late", host: fleet.hosts["wreck-1"] }),
    sparedUntilBack(fleet, "local", "wreck-1"),
  ]);
  await answeredOnlyBy([FIRST, SECOND, "late"], () => fleet.who("local"));
  await fails(fleet, "local", FIRST, [503, 503, 503, 503, 503, 503, 503]);
  await counts(fleet, "local", "ejections_detected_consecutive_gateway_failure");
  assert.deepEqual((await fleet.judgement("local")).ejected, []);
}

async function apart(fleet: Fleet<Service>): Promise<void> {
  await refuses(fleet, "apart", 7);
  await counts(fleet, "apart", "ejections_detected_consecutive_local_origin_failure");
  assert.deepEqual((await fleet.judgement("apart")).ejected, []);
  await fails(fleet, "apart", FIRST, [500, 500, 500]);
  await ejects(fleet, "apart", [FIRST]);
}

async function together(fleet: Fleet<Service>): Promise<void> {
  await refuses(fleet, "together", 3);
  await ejects(fleet, "together", ["wreck-2"]);
  await onlyCalls(fleet, "together", [FIRST, SECOND]);
}

async function rate(fleet: Fleet<Service>): Promise<void> {
  // Nothing else was asked before: in an interval with good answers too they would not be alike.
  const alike = await judged(fleet, "rate", "/fail?status=500");
  assert.deepEqual([...alike.rates.values()], [0, 0, 0]);
  assert.deepEqual(alike.ejected, []);
  await failsUntilEjected(fleet, "rate", FIRST);
  await counts(fleet, "rate", "ejections_enforced_success_rate");
  await sparedUntilBack(fleet, "rate", FIRST);
  await answeredOnlyBy(THREE, () => fleet.who("rate"));
}

async function percentage(fleet: Fleet<Service>): Promise<void> {
  const { rates, average, ejected } = await judged(
    fleet,
    "percentage",
    `/fail?status=500&every=2&instance=${FIRST}`,
  );
  const half = rates.get(FIRST) ?? 0;
  assert.ok(half > 25 && half < 75, `${half} % are good`);
  assert.equal(average, undefined, "three are too few for a success rate");
  assert.deepEqual(ejected, []);
  await failsUntilEjected(fleet, "percentage", FIRST);
  await counts(fleet, "percentage", "ejections_enforced_failure_percentage");
  await sparedUntilBack(fleet, "percentage", FIRST);
  await answeredOnlyBy(THREE, () => fleet.who("percentage"));
}

async function lenient(fleet: Fleet<Service>): Promise<void> {
  const { rates, average, ejected } = await judged(fleet, "lenient", `/fail?status=500&instance=${FIRST}`);
  assert.deepEqual(
    THREE.map((name) => rates.get(name)),
    [0, 100, 100],
  );
  assert.equal(Math.round(average ?? 0), 67);
  assert.deepEqual(ejected, []);
  assert.equal((await fleet.counters("lenient")).ejections_enforced_total, 0);
}

async function volume(fleet: Fleet<Service>): Promise<void> {
  await fails(fleet, "volume", FIRST, Array<number>(19).fill(500));
  await pause(2 * INTERVAL_MS + 200);
  assert.equal((await fleet.counters("volume")).ejections_detected_failure_percentage, 0);
  await failsUntilEjected(fleet, "volume", FIRST);
}

async function refused(fleet: Fleet<Service>): Promise<void> {
  const services = [
    ["refused-rate", "ejections_enforced_local_origin_success_rate"],
    ["refused-percentage", "ejections_enforced_local_origin_failure_percentage"],
  ] as const;
  for (const [service, counter] of services) {
    const wreck = "wreck-2";
    await until(
      `${wreck} is left out of ${service}`,
      async () => {
        await burst(fleet, service, "/");
        return (await fleet.judgement(service)).ejected.length > 0;
      },
      PATIENT,
    );
    await ejects(fleet, service, [wreck]);
    await counts(fleet, service, counter);
    await onlyCalls(fleet, service, [FIRST, SECOND]);
  }
}

async function unlimited(fleet: Fleet<Service>): Promise<void> {
  await fails(fleet, "unlimited", FIRST, [503, 503, 503]);
  await ejects(fleet, "unlimited", [FIRST]);
  await fails(fleet, "unlimited", SECOND, [503, 503, 503]);
  await counts(fleet, "unlimited", "ejections_overflow");
  await onlyCalls(fleet, "unlimited", [SECOND, THIRD]);
}

async function none(fleet: Fleet<Service>): Promise<void> {
  await fails(fleet, "none", FIRST, [503, 503, 503]);
  await counts(fleet, "none", "ejections_overflow");
  await onlyCalls(fleet, "none", THREE);
}

async function most(fleet: Fleet<Service>): Promise<void> {
  await twoFail(fleet, "most");
  await onlyCalls(fleet, "most", THREE);
}

async function calm(fleet: Fleet<Service>): Promise<void> {
  await twoFail(fleet, "calm");
  await onlyCalls(fleet, "calm", [THIRD]);
  await fails(fleet, "calm", THIRD, [503, 503, 503]);
  await counts(fleet, "calm", "ejections_overflow");
  await onlyCalls(fleet, "calm", [THIRD]);
}

async function alarmed(fleet: Fleet<Service>): Promise<void> {
  await fails(fleet, "alarmed", FIRST, [503, 503, 503]);
  await ejects(fleet, "alarmed", [FIRST]);
  await onlyCalls(fleet, "alarmed", THREE);
}

async function bytes(fleet: Fleet<Service>): Promise<void> {
  const services = ["bytes", "bytes-apart"] as const;
  await Promise.all(
    services.map(async (service) => {
      await refuses(fleet, service, 3);
      await ejects(fleet, service, ["wreck-3"]);
      await sparedUntilBack(fleet, service, "wreck-3");
    }),
  );
  await counts(fleet, "bytes", "ejections_enforced_consecutive_5xx");
  await counts(fleet, "bytes-apart", "ejections_enforced_consecutive_local_origin_failure");
  await fleet.world.startService({ service: "late-bytes", host: fleet.hosts["wreck-3"], tcp: true });
  for (const service of services) {
    await answeredOnlyBy(["flight-control-1", "flight-control-2", "late-bytes"], () => fleet.who(service));
  }
  const { ejections_enforced_total } = await fleet.counters("bytes");
  await fleet.killApp("flight-control-2");
  // The sidecar takes the connections for its app, which is all that a caller knows.
  await refuses(fleet, "bytes", 7);
  assert.equal((await fleet.counters("bytes")).ejections_enforced_total, ejections_enforced_total);
}

/** Calls until that instance has answered with each of these statuses, one after the other. The others answer well. */
async function fails(
  fleet: Fleet<Service>,
  service: Service,
  instance: Instance,
  statuses: readonly number[],
): Promise<void> {
  for (const status of statuses) {
    await until(
      `${instance} answers with ${status}`,
      async () => {
        const answer = await fleet.ask(service, `/fail?status=${status}&instance=${instance}`);
        if (answer.instance !== instance) return false;
        assert.equal(answer.status, status);
        return true;
      },
      { intervalMs: 1 },
    );
  }
}

/** Calls until a connection was refused so many times. */
async function refuses(fleet: Fleet<Service>, service: Service, times: number): Promise<void> {
  for (let seen = 0; seen < times; seen++) {
    await until("a call is in vain", async () => (await fleet.who(service)) === "", { intervalMs: 1 });
  }
}

/** Calls until every instance was called often enough in one interval to be judged. */
async function judged(fleet: Fleet<Service>, service: Service, path: string): Promise<Judgement> {
  return await until(
    `the rates of ${service} are known`,
    async () => {
      await burst(fleet, service, path);
      const judgement = await fleet.judgement(service);
      return judgement.rates.size === THREE.length && judgement;
    },
    PATIENT,
  );
}

/** Calls until that instance, which fails always, is the only one that is left out. */
async function failsUntilEjected(fleet: Fleet<Service>, service: Service, instance: Instance): Promise<void> {
  await until(
    `${instance} is left out of ${service}`,
    async () => {
      await burst(fleet, service, `/fail?status=500&instance=${instance}`);
      const { ejected } = await fleet.judgement(service);
      return ejected.length > 0 && ejected;
    },
    PATIENT,
  ).then((ejected) => assert.deepEqual(ejected, [instance]));
}
const PATIENT = { timeoutMs: 60_000, intervalMs: 1 };

async function burst(fleet: Fleet<Service>, service: Service, path: string): Promise<void> {
  await Promise.all(Array.from({ length: 6 }, () => fleet.ask(service, path)));
}

async function twoFail(fleet: Fleet<Service>, service: Service): Promise<void> {
  for (const instance of [FIRST, SECOND]) await fails(fleet, service, instance, [503, 503, 503]);
  await ejects(fleet, service, [FIRST, SECOND]);
}

/** Waits until just these are left out: the workers of Envoy tell its main thread what they saw. */
async function ejects(
  fleet: Fleet<Service>,
  service: Service,
  instances: readonly Instance[],
): Promise<void> {
  await until(`${instances.join()} is left out of ${service}`, async () => {
    assert.deepEqual((await fleet.judgement(service)).ejected, instances);
    return true;
  });
}

/** Waits until a counter has counted something. */
async function counts(fleet: Fleet<Service>, service: Service, counter: string): Promise<void> {
  await until(
    `${counter} of ${service} is more than 0`,
    async () => ((await fleet.counters(service))[counter] ?? 0) > 0,
  );
}

/** Waits until just these are called. */
async function onlyCalls(
  fleet: Fleet<Service>,
  service: Service,
  instances: readonly Instance[],
): Promise<void> {
  const who = (): Promise<string> => fleet.who(service);
  await answeredOnlyBy(instances, who);
  assert.deepEqual([...(await tally(30, who)).keys()].sort(), instances);
}

/**
 * Calls for as long as that instance is left out: none of these calls reaches it, but for those that come before the
 * worker of Envoy has heard from its main thread.
 */
async function sparedUntilBack(fleet: Fleet<Service>, service: Service, instance: Instance): Promise<void> {
  const enough = 2 * SERVICES[service].instances.length;
  let spared = 0;
  for (;;) {
    const name = await fleet.who(service);
    // It may have been back before this call.
    if (!(await fleet.judgement(service)).ejected.includes(instance)) break;
    // Nobody answers for one that takes no connections.
    const isOther = name !== instance && name !== "";
    assert.ok(isOther || spared < enough, `${instance} was called after ${spared} calls of others`);
    spared = isOther ? spared + 1 : 0;
    await pause(20);
  }
  assert.ok(spared > enough, `only ${spared} calls while ${instance} was left out`);
}
