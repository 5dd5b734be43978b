import * as z from "zod";

/** An empty text is one that was not given: launchers in Go send both. */
const text = z
  .string()
  .optional()
  .transform((given) => given || undefined);

/** Whether connections of one direction are led into the proxy, and where they arrive. */
const redirect = z
  .looseObject({ enabled: z.boolean().optional(), port: z.int().min(0).max(65_535).optional() })
  .optional();

/** Body of `POST /bootstrap`, as launchers of Kuma 2.14 and ours send it. What we do not use is passed over. */
export const bootstrapRequestSchema = z.looseObject({
  mesh: z.string().default("default"),
  name: z.string().default(""),
  proxyType: z.enum(["", "dataplane", "ingress", "egress"]).default("dataplane"),
  dataplaneToken: text,
  dataplaneTokenPath: text,
  /** The Dataplane as JSON text. */
  dataplaneResource: text,
  version: z.looseObject({}).optional(),
  caCert: text,
  dynamicMetadata: z.record(z.string(), z.unknown()).optional(),
  dnsPort: z.int().optional(),
  readinessPort: z.int().optional(),
  /** Means the opposite of its name on the wire. */
  appProbeProxyDisabled: z.boolean().optional(),
  features: z.array(z.string()).nullish(),
  workdir: text,
  metricsResources: z.looseObject({ certPath: text, keyPath: text }).nullish(),
  systemCaPath: text,
  ipv6Enabled: z.boolean().optional(),
  /** Transparent proxying, where the launcher was told to expect it. */
  dataplaneConfig: z
    .looseObject({
      ipFamilyMode: z
        .string()
        .toLowerCase()
        .pipe(z.enum(["", "dualstack", "ipv4"]))
        .optional(),
      redirect: z.looseObject({ inbound: redirect, outbound: redirect }).optional(),
    })
    .nullish(),
  /** Memory that Envoy may use, in bytes; 0 or absent where there is no limit. */
  resources: z.looseObject({ maxHeapSizeBytes: z.number().min(0).optional() }).nullish(),
  otelEnv: z.looseObject({}).nullish(),
});

export type BootstrapRequest = z.infer<typeof bootstrapRequestSchema>;
