import type { HostnameGeneratorResource } from "@skein/model";
import {
  byAge,
  generatorSelects,
  type HostnameOutcome,
  type HostnameServiceKind,
  type HostnameSubject,
  hostnameOutcome,
  orderGenerators,
  type RenderedHostname,
  renderHostname,
} from "./hostnames.ts";

interface Claim {
  /** Place of the generator among all. */
  readonly rank: number;
  readonly generator: string;
  readonly subject: HostnameSubject;
  readonly rendered: RenderedHostname;
}

interface Contest {
  readonly claims: Set<Claim>;
  winner: Claim;
}

const NONE: ReadonlySet<string> = new Set();

/**
 * The hostnames of one kind of services in one mesh, kept as services and generators come and go: a change costs what
 * the hostnames of that service cost. Always tells what `evaluateHostnames` would.
 */
export class HostnameIndex {
  readonly #kind: HostnameServiceKind;
  #generators: readonly HostnameGeneratorResource[] = [];
  readonly #subjects = new Map<string, HostnameSubject>();
  readonly #claims = new Map<string, readonly Claim[]>();
  readonly #contests = new Map<string, Contest>();

  constructor(kind: HostnameServiceKind) {
    this.#kind = kind;
  }

  /** Takes in all generators, in any order. Every service may have changed. */
  setGenerators(generators: readonly HostnameGeneratorResource[]): void {
    this.#generators = orderGenerators(generators);
    this.#contests.clear();
    this.#claims.clear();
    for (const subject of this.#subjects.values()) this.#place(subject, new Set());
  }

  /** Takes in a service. Returns the other services whose hostnames may have changed. */
  set(subject: HostnameSubject): ReadonlySet<string> {
    const before = this.#subjects.get(subject.name);
    if (before !== undefined && isSame(before, subject)) return NONE;
    const touched = new Set(this.delete(subject.name));
    this.#subjects.set(subject.name, subject);
    this.#place(subject, touched);
    return touched;
  }

  /** Forgets a service. Returns the other services whose hostnames may have changed. */
  delete(name: string): ReadonlySet<string> {
    if (!this.#subjects.delete(name)) return NONE;
    const touched = new Set<string>();
    for (const claim of this.#claims.get(name) ?? []) {
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
      addOthers(contest, name, touched);
    }
    this.#claims.delete(name);
    return touched;
  }

  /** How the generators that select a service fare on it, in their order. */
  outcomes(name: string): readonly HostnameOutcome[] {
    return (this.#claims.get(name) ?? []).map(({ generator, rendered }) => {
      const winner = rendered.ok ? this.#contests.get(rendered.value)?.winner.subject.name : undefined;
      return hostnameOutcome(generator, name, rendered, winner ?? name);
    });
  }

  #place(subject: HostnameSubject, touched: Set<string>): void {
    const claims = this.#generators.flatMap((generator, rank): readonly Claim[] => {
      if (!generatorSelects(generator, this.#kind, subject)) return [];
      const rendered = renderHostname(generator.spec.template, subject);
      return [{ rank, generator: generator.name, subject, rendered }];
    });
    if (claims.length > 0) this.#claims.set(subject.name, claims);
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
      addOthers(contest, subject.name, touched);
    }
  }
}

/** The claim that comes first: by generator, then by age of the service. */
function better(a: Claim, b: Claim): Claim {
  return (b.rank - a.rank || byAge(b.subject, a.subject)) < 0 ? b : a;
}

function addOthers({ claims }: Contest, name: string, touched: Set<string>): void {
  for (const { subject } of claims) if (subject.name !== name) touched.add(subject.name);
}

function isSame(a: HostnameSubject, b: HostnameSubject): boolean {
  if (a.creationTime !== b.creationTime) return false;
  if (a.labels === b.labels) return true;
  const keys = Object.keys(a.labels);
  return keys.length === Object.keys(b.labels).length && keys.every((key) => a.labels[key] === b.labels[key]);
}
