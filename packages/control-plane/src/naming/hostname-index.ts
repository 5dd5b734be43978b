import type { HostnameGeneratorResource } from "@skein/model";
import {
  byAge,
  type HostnameClaim,
  type HostnameOutcome,
  type HostnameSubject,
  hostnameClaims,
  hostnameOutcome,
  orderGenerators,
  subjectKey,
} from "./hostnames.ts";

interface Claim extends HostnameClaim {
  readonly subject: HostnameSubject;
}

/** A service: its kind and its name. */
export type ServiceName = Pick<HostnameSubject, "type" | "name">;

interface Contest {
  readonly claims: Set<Claim>;
  winner: Claim;
}

const NONE: ReadonlySet<ServiceName> = new Set();

/**
 * The hostnames of all services of one mesh, kept as services and generators come and go: a change costs what the
 * hostnames of that service cost. Always tells what `evaluateHostnames` would.
 */
export class HostnameIndex {
  #generators: readonly HostnameGeneratorResource[] = [];
  readonly #subjects = new Map<string, HostnameSubject>();
  readonly #claims = new Map<string, readonly Claim[]>();
  readonly #contests = new Map<string, Contest>();

  /** Takes in all generators, in any order. Every service may have changed. */
  setGenerators(generators: readonly HostnameGeneratorResource[]): void {
    this.#generators = orderGenerators(generators);
    this.#contests.clear();
    this.#claims.clear();
    for (const subject of this.#subjects.values()) this.#place(subject, new Set());
  }

  /** Takes in a service. Returns the other services whose hostnames may have changed. */
  set(subject: HostnameSubject): ReadonlySet<ServiceName> {
    const key = subjectKey(subject);
    const before = this.#subjects.get(key);
    if (before !== undefined && isSame(before, subject)) return NONE;
    const touched = new Set(this.delete(subject));
    this.#subjects.set(key, subject);
    this.#place(subject, touched);
    return touched;
  }

  /** Forgets a service. Returns the other services whose hostnames may have changed. */
  delete(service: ServiceName): ReadonlySet<ServiceName> {
    const key = subjectKey(service);
    if (!this.#subjects.delete(key)) return NONE;
    const touched = new Set<ServiceName>();
    for (const claim of this.#claims.get(key) ?? []) {
      if (!claim.rendered.ok) continue;
      const contest = this.#contests.get(claim.rendered.value);
      contest?.claims.delete(claim);
      if (contest === undefined || contest.winner !== claim) continue;
      const [first, ...others] = contest.claims;
      if (first === undefined) {
        this.#contests.delete(claim.rendered.value);
        continue;
      }
      contest.winner = others.reduce(better, first);
      addOthers(contest, claim.subject, touched);
    }
    this.#claims.delete(key);
    return touched;
  }

  /** How the generators that select a service fare on it, in their order. */
  outcomes(service: ServiceName): readonly HostnameOutcome[] {
    return (this.#claims.get(subjectKey(service)) ?? []).map((claim) => {
      const { rendered, subject } = claim;
      const winner = rendered.ok ? this.#contests.get(rendered.value)?.winner.subject : undefined;
      return hostnameOutcome(claim, subject, winner ?? subject);
    });
  }

  #place(subject: HostnameSubject, touched: Set<ServiceName>): void {
    const claims = hostnameClaims(this.#generators, subject).map((claim): Claim => ({ ...claim, subject }));
    if (claims.length > 0) this.#claims.set(subjectKey(subject), claims);
    for (const claim of claims) {
      if (!claim.rendered.ok) continue;
      const contest = this.#contests.get(claim.rendered.value);
      if (contest === undefined) {
        this.#contests.set(claim.rendered.value, { claims: new Set([claim]), winner: claim });
        continue;
      }
      contest.claims.add(claim);
      if (better(contest.winner, claim) !== claim) continue;
      contest.winner = claim;
      addOthers(contest, subject, touched);
    }
  }
}

/** The claim that comes first: by what makes it, then by age of the service. */
function better(a: Claim, b: Claim): Claim {
  return (b.rank - a.rank || byAge(b.subject, a.subject)) < 0 ? b : a;
}

function addOthers({ claims }: Contest, except: HostnameSubject, touched: Set<ServiceName>): void {
  for (const { subject } of claims) if (subject !== except) touched.add(subject);
}

function isSame(a: HostnameSubject, b: HostnameSubject): boolean {
  if (a.creationTime !== b.creationTime || a.fixed?.join() !== b.fixed?.join()) return false;
  if (a.labels === b.labels) return true;
  const keys = Object.keys(a.labels);
  return keys.length === Object.keys(b.labels).length && keys.every((key) => a.labels[key] === b.labels[key]);
}
