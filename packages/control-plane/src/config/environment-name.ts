/**
 * The environment name of a setting by the rule: `apiServer.http.port` is `KUMA_API_SERVER_HTTP_PORT`, and our own
 * `skein.statistics` is `SKEIN_STATISTICS`. Runs of capitals are one word, with a plural s (`knownInternalCIDRs`).
 */
export function environmentName(path: string): string {
  const snake = path
    .replaceAll(".", "_")
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/([A-Z])([A-Z][a-z]{2})/g, "$1_$2")
    .toUpperCase();
  return /^(SKEIN|KMESH)_/.test(snake) ? snake : `KUMA_${snake}`;
}
