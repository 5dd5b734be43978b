import { spawn } from "node:child_process";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import { WORLD_MARK } from "../../process/reap.ts";
import { occupySite } from "../site.ts";

/** Run by `site.test.ts`: takes a site, starts processes in it, and ends in the way its argument says. */
const site = await occupySite();
const env = { ...process.env, [WORLD_MARK]: site.id };
spawn("sleep", ["300"], { env, stdio: "ignore" });
spawn("sleep", ["300"], { env, stdio: "ignore", detached: true });
const lock = join(dirname(site.dir), `skein-testbed-${userInfo().username}`, site.block.prefix);
process.once("SIGUSR2", () => {
  if (process.argv[2] === "return") process.exit(0);
  if (process.argv[2] === "reject") Promise.reject(new Error("as the test asked"));
  else throw new Error("as the test asked");
});
setInterval(() => {}, 1_000);
console.log(JSON.stringify({ world: site.id, dir: site.dir, lock }));
