import type { Violation } from "@skein/model";
import type { LoadBalancer } from "./conf.ts";
import { validateHashPolicies } from "./validate-hash-policies.ts";

/** Violations of the settings of an algorithm. `hasRootPolicies` says whether `hashPolicies` stands beside it. */
export function validateLoadBalancer(
  value: LoadBalancer | undefined,
  path: string,
  hasRootPolicies: boolean,
): readonly Violation[] {
  const { leastRequest, ringHash, maglev } = value ?? {};
  const { minRingSize = 1, maxRingSize = Number.POSITIVE_INFINITY } = ringHash ?? {};
  const bias = leastRequest?.activeRequestBias;
  return [
    ...(bias !== undefined && Number(bias) < 0
      ? [
          {
            field: `${path}.leastRequest.activeRequestBias`,
            reason: "must be greater or equal then: 0",
          },
        ]
      : []),
    ...(minRingSize > maxRingSize
      ? [{ field: `${path}.ringHash.minRingSize`, reason: "must not be greater than maxRingSize" }]
      : []),
    ...(maglev?.tableSize !== undefined && !isPrime(maglev.tableSize)
      ? [
          {
            field: `${path}.maglev.tableSize`,
            reason: `must be a prime number: Envoy takes no other; the next one is ${nextPrime(maglev.tableSize)}`,
          },
        ]
      : []),
    ...[
      { policies: ringHash?.hashPolicies, at: `${path}.ringHash.hashPolicies` },
      { policies: maglev?.hashPolicies, at: `${path}.maglev.hashPolicies` },
    ].flatMap(({ policies, at }) => [
      ...(policies !== undefined && hasRootPolicies
        ? [{ field: at, reason: "hashPolicies already specified in the root level" }]
        : []),
      ...validateHashPolicies(policies, at),
    ]),
  ];
}

function isPrime(n: number): boolean {
  if (n < 2) return false;
  for (let i = 2; i * i <= n; i++) if (n % i === 0) return false;
  return true;
}

/** There is always one in range: the greatest size allowed is prime. */
function nextPrime(n: number): number {
  return isPrime(n) ? n : nextPrime(n + 1);
}
