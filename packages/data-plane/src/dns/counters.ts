/** What the DNS server did since it started. */
export interface DnsCounters {
  /** Questions, by the way they came. */
  udp: number;
  tcp: number;
  /** Answered from the table. */
  mesh: number;
  /** Handed to a resolver of the machine; those that waited for the answer to an equal question are `shared`. */
  forwarded: number;
  shared: number;
  /** Answered SERVFAIL because no resolver gave an answer. */
  failed: number;
  /** Answered SERVFAIL because too much was under way. */
  overloaded: number;
  /** Packets that are no questions. */
  malformed: number;
  /** Our own questions that came back to us. */
  looped: number;
}

export function newCounters(): DnsCounters {
  return {
    udp: 0,
    tcp: 0,
    mesh: 0,
    forwarded: 0,
    shared: 0,
    failed: 0,
    overloaded: 0,
    malformed: 0,
    looped: 0,
  };
}

/** The counters as Prometheus reads them. */
export function countersText(counters: DnsCounters, names: number): string {
  const lines = [
    "# HELP skein_dp_dns_queries_total Questions, by transport.",
    "# TYPE skein_dp_dns_queries_total counter",
    `skein_dp_dns_queries_total{transport="udp"} ${counters.udp}`,
    `skein_dp_dns_queries_total{transport="tcp"} ${counters.tcp}`,
    "# HELP skein_dp_dns_outcomes_total What became of packets.",
    "# TYPE skein_dp_dns_outcomes_total counter",
  ];
  for (const [outcome, count] of Object.entries(counters)) {
    if (outcome !== "udp" && outcome !== "tcp") {
      lines.push(`skein_dp_dns_outcomes_total{outcome="${outcome}"} ${count}`);
    }
  }
  return [
    ...lines,
    "# HELP skein_dp_dns_names Names of the mesh, reverse names among them.",
    "# TYPE skein_dp_dns_names gauge",
    `skein_dp_dns_names ${names}`,
    "",
  ].join("\n");
}
