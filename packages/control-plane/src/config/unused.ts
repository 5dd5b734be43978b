import { environmentName } from "./environment-name.ts";

/** Published settings that have no meaning in this build. They may be set: a file that works elsewhere works here. */
const UNUSED_SECTIONS = [
  "store.kubernetes",
  "store.postgres",
  "store.cache",
  "store.upsert",
  "monitoringAssignmentServer",
  "runtime.kubernetes",
  "reports",
  "multizone.global",
  "multizone.zone.kds",
  "multizone.zone.ingressUpdateInterval",
  "interCp",
  "proxy",
  "tracing",
  "eventBus",
  "kmesh",
  // What a proxy should check is sent when it changes.
  "dpServer.hds.refreshInterval",
] as const;

/** Environment names of such settings that do not begin as their path does. */
const IRREGULAR_NAMES = ["KUMA_INJECTOR"];

const UNUSED_NAMES = [...UNUSED_SECTIONS.map(environmentName), ...IRREGULAR_NAMES];

/** Names that others read: the data plane, and Kubernetes' links to a service called `kuma-control-plane`. */
const FOREIGN_NAMES = /^KUMA_(CONTROL_PLANE|DATAPLANE|READINESS|APPLICATION_PROBE_PROXY|DNS_(?!SERV))/;

/** The unused section that a path is or is in. */
export function unusedSection(path: string): string | undefined {
  return UNUSED_SECTIONS.find((section) => path === section || path.startsWith(`${section}.`));
}

/** Whether `path` leads to unused sections, and so is known. */
export function leadsToUnused(path: string): boolean {
  return UNUSED_SECTIONS.some((section) => section.startsWith(`${path}.`));
}

/** What to suggest for a misspelt one. */
export function unusedSections(): readonly string[] {
  return UNUSED_SECTIONS;
}

/** Whether an environment name is one of an unused setting. */
export function isUnusedName(name: string): boolean {
  const upper = name.toUpperCase();
  return UNUSED_NAMES.some((prefix) => upper === prefix || upper.startsWith(`${prefix}_`));
}

/** Whether an environment name is none of the control plane's business. */
export function isForeignName(name: string): boolean {
  return FOREIGN_NAMES.test(name);
}
