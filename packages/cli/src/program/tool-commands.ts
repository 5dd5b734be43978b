import { Argument, type Command } from "commander";
import type { AccessOptions } from "../commands/access.ts";
import type { BlameOptions } from "../commands/blame.ts";
import type { ProxyStatusOptions } from "../commands/proxy-status.ts";
import { meshOption, outputOption } from "./options.ts";
import type { OpenSession } from "./program.ts";

/** Declares `proxy-status`, `access`, `blame`, `version` and `completion`. */
export function addToolCommands(program: Command, open: OpenSession): void {
  program
    .command("proxy-status")
    .description("what each proxy holds against what it should hold")
    .option("-m, --mesh <mesh>", "only this mesh (default: all)")
    .option("--name <text>", "only proxies whose name contains this")
    .addOption(outputOption())
    .action(async (options: ProxyStatusOptions) =>
      (await import("../commands/proxy-status.ts")).proxyStatus(open(), options),
    );
  program
    .command("access")
    .description("who may call whom in a mesh")
    .addOption(meshOption())
    .option("--reasons", "one line per pair, with the policy that decides")
    .addOption(outputOption())
    .action(async (options: AccessOptions) =>
      (await import("../commands/access.ts")).access(open(), options),
    );
  program
    .command("blame")
    .description("which policy, rule and revision put a resource into a proxy's Envoy configuration")
    .argument("<dataplane>")
    .argument(
      "[resource]",
      "name of a listener, route, cluster, endpoint or secret (default: an overview of all)",
    )
    .addOption(meshOption())
    .option("--type <type>", "only listener, route, cluster, endpoint or secret")
    .addOption(outputOption())
    .action(async (dataplane: string, resource: string | undefined, options: BlameOptions) =>
      (await import("../commands/blame.ts")).blame(open(), dataplane, resource, options),
    );
  program
    .command("version")
    .description("version of this program and of the control plane")
    .option("-a, --detailed", "all that is known")
    .action(async (options: { readonly detailed?: boolean }) =>
      (await import("../commands/version.ts")).printVersion(open(), options),
    );
  program
    .command("completion")
    .description("script that completes this program's commands in a shell")
    .addArgument(new Argument("<shell>").choices(["bash", "zsh", "fish"]))
    .action(async (shell: "bash" | "zsh" | "fish") =>
      (await import("../commands/completion.ts")).printCompletion(open(), program, shell),
    );
}
