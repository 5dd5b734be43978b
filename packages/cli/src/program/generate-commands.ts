import type { Command } from "commander";
import type { TlsCertificateOptions } from "../commands/generate-keys.ts";
import type {
  DataplaneTokenOptions,
  UserTokenOptions,
  ZoneTokenOptions,
} from "../commands/generate-tokens.ts";
import { meshOption, repeatable } from "./options.ts";
import type { OpenSession } from "./program.ts";

/** Declares `generate`: tokens, keys and certificates. */
export function addGenerateCommands(program: Command, open: OpenSession): void {
  const generate = program.command("generate").description("make tokens, keys and certificates");
  const tokens = (): Promise<typeof import("../commands/generate-tokens.ts")> =>
    import("../commands/generate-tokens.ts");
  const keys = (): Promise<typeof import("../commands/generate-keys.ts")> =>
    import("../commands/generate-keys.ts");

  tokenCommand(generate, "dataplane-token", "token by which a data plane proxy joins")
    .addOption(meshOption())
    .option("--name <name>", "only for the proxy of this name")
    .addOption(
      repeatable("--tag <key=v1,v2>", "only for proxies whose tag has these values; repeat for more tags"),
    )
    .option("--workload <name>", "only for proxies of this workload (label kuma.io/workload)")
    .option("--proxy-type <type>", "dataplane, ingress or egress")
    .action(async (options: DataplaneTokenOptions) =>
      (await tokens()).generateDataplaneToken(open(), options),
    );
  tokenCommand(
    generate,
    "zone-token",
    "token by which a zone ingress or egress, or a zone's control plane, joins",
  )
    .requiredOption("--zone <zone>", "the zone")
    .addOption(
      repeatable("--scope <scopes>", "ingress, egress, cp; separated by commas (default: ingress,egress)"),
    )
    .action(async (options: ZoneTokenOptions) => (await tokens()).generateZoneToken(open(), options));
  tokenCommand(generate, "user-token", "token by which a user of the API is known")
    .requiredOption("--name <name>", "the user's name")
    .addOption(repeatable("--group <group>", "a group of the user; repeat for more"))
    .action(async (options: UserTokenOptions) => (await tokens()).generateUserToken(open(), options));

  generate
    .command("signing-key")
    .description("key that signs tokens")
    .option("--format <format>", "pem-base64 (as a Secret's data) or pem", "pem-base64")
    .action(async (options: { readonly format: string }) =>
      (await keys()).generateSigningKey(open(), options),
    );
  generate
    .command("public-key")
    .description("public half of a signing key")
    .requiredOption("--signing-key-path <path>", "the signing key, PEM")
    .action(async (options: { readonly signingKeyPath: string }) =>
      (await keys()).generatePublicKey(open(), options),
    );
  generate
    .command("tls-certificate")
    .description("self-signed certificate and its key")
    .requiredOption("--type <type>", "client or server")
    .addOption(
      repeatable(
        "--hostname <names>",
        "DNS names or IP addresses, separated by commas",
      ).makeOptionMandatory(),
    )
    .option("--key-file <path>", "where the key goes, - for stdout", "key.pem")
    .option("--cert-file <path>", "where the certificate goes, - for stdout", "cert.pem")
    .option("--key-type <type>", "rsa or ecdsa", "rsa")
    .action(async (options: TlsCertificateOptions) => (await keys()).generateTlsCertificate(open(), options));
}

function tokenCommand(generate: Command, name: string, description: string): Command {
  return generate
    .command(name)
    .description(description)
    .requiredOption("--valid-for <duration>", "how long it is valid, such as 24h or 30d")
    .option("--signing-key-path <path>", "sign here with this key (PEM) instead of asking the control plane")
    .option("--kid <id>", "id of that key");
}
