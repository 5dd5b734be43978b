import assert from "node:assert/strict";
import { Resolver } from "node:dns/promises";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { askTcp, askUdp, framed, type Server } from "@skein/data-plane/dns/testing/client";
import { type Decoded, decode, query, replyTo } from "@skein/data-plane/dns/testing/packets";
import { startResolver } from "@skein/data-plane/dns/testing/resolver";
import { pause, until } from "../poll.ts";

import { type World, withWorld } from "../world/world.ts";
import { ALLOW_ALL, identity } from "./documents.ts";
import { applied, documents, inSync, MESH, meshYaml, WAIT } from "./scene.ts";

const NAME = "check-in-api.svc.mesh.local";
const OTHER_NAME = "check-in-api.gates.kong-air.test";
const [A, PTR, TXT, AAAA] = [1, 12, 16, 28] as const;

/** The one address of a service and the hostname for it, once naming has given them. */
async function vipOf(world: World, service: string): Promise<string> {
  return await until(`${service} has an address`, async () => {
    const answer = await fetch(`${world.controlPlane.api}/meshes/${MESH}/meshservices/${service}`);
    const { status } = (await answer.json()) as {
      status?: { addresses?: { hostname: string }[]; vips?: { ip: string }[] };
    };
    return status?.addresses?.some(({ hostname }) => hostname === NAME) ? status.vips?.[0]?.ip : undefined;
  });
}

/** Asks for the same name all the time, and counts answers without an address. */
function watching(dns: Server, name: string) {
  const seen = { asked: 0, missing: 0 };
  let isOn = true;
  const done = (async () => {
    while (isOn) {
      const reply = await askUdp(dns, query({ name }), 1_000);
      seen.asked++;
      if (reply === undefined || decode(reply).answers.length !== 1) seen.missing++;
    }
  })();
  return {
    stop: async () => {
      isOn = false;
      await done;
      return seen;
    },
  };
}

test("an application finds the mesh by name, and everything else as before", async (t) => {
  await using upstream = await startResolver("127.0.0.1", (asked) =>
    replyTo(asked, [{ type: TXT, data: Buffer.from("\x07outside") }]),
  );
  await withWorld(
    async (world) => {
      const { block, dir } = world.site;
      // Addresses of services are the world's own, so that Envoy can listen on them without redirection.
      const settings = { KUMA_IPAM_MESH_SERVICE_CIDR: `${block.prefix}.192/26` };
      await world.startControlPlane(settings);
      await world.apply(documents(meshYaml(), identity(), ALLOW_ALL));
      await world.startService({ service: "check-in-api", host: 12 });
      const vip = await vipOf(world, "check-in-api");
      const resolvConf = join(dir, "resolv.conf");
      writeFileSync(resolvConf, `nameserver [${upstream.address}]:${upstream.port}\n`);
      const portal = await world.startSidecar({
        service: "passenger-portal",
        host: 11,
        dns: { resolvConf },
        outbounds: [{ service: "check-in-api", address: vip, port: 8080 }],
      });
      const dns: Server = { address: portal.address, port: 15_053 };
      const ask = async (name: string, type: number = A): Promise<Decoded> => {
        const reply = await askUdp(dns, query({ name, type }));
        assert.ok(reply !== undefined, `no answer for ${name}`);
        return decode(reply);
      };
      const addresses = async (name: string): Promise<readonly string[]> =>
        (await ask(name)).answers.filter(({ type }) => type === A).map(({ data }) => data);

      await t.test("the name leads to the service", async () => {
        assert.deepEqual(await addresses(NAME), [vip]);
        await until("the service answers there", async () => {
          const answer = await fetch(`http://${vip}:8080/`, { headers: { host: NAME } });
          await answer.arrayBuffer();
          return answer.status === 200;
        });
        assert.deepEqual(await addresses(NAME.toUpperCase()), [vip]);
        const six = await ask(NAME, AAAA);
        assert.deepEqual([six.rcode, six.answers.length, six.authoritative], [0, 0, true]);
        const [reply] = await askTcp(dns, framed(query({ name: NAME })), 1);
        assert.equal(decode(reply ?? Buffer.alloc(0)).answers[0]?.data, vip);
        const back = await ask(`${vip.split(".").reverse().join(".")}.in-addr.arpa`, PTR);
        assert.deepEqual(
          back.answers.map(({ data }) => data),
          [NAME],
        );
      });

      await t.test("a resolver library of applications understands every answer", async () => {
        const client = new Resolver({ timeout: 5_000, tries: 1 });
        client.setServers([`${dns.address}:${dns.port}`]);
        assert.deepEqual(await client.resolve4(NAME, { ttl: true }), [{ address: vip, ttl: 30 }]);
        await assert.rejects(client.resolve6(NAME), { code: "ENODATA" });
        await assert.rejects(client.resolveMx(NAME), { code: "ENODATA" });
        assert.deepEqual(await client.reverse(vip), [NAME]);
        assert.deepEqual(await client.resolveTxt("example.org"), [["outside"]]);
        upstream.asked.length = 0;
      });

      await t.test("other names are the resolver's, a service without an outbound among them", async () => {
        assert.equal((await ask("passenger-portal.svc.mesh.local", TXT)).answers[0]?.type, TXT);
        assert.equal(
          (await ask("example.org", TXT)).answers[0]?.data,
          Buffer.from("\x07outside").toString("hex"),
        );
        assert.equal(upstream.asked.length, 2);
      });

      await t.test("names come and go while questions are asked, and nothing is restarted", async () => {
        const modified = "listener_manager.listener_modified";
        const before = await portal.stats(modified);
        const watch = watching(dns, NAME);
        await applied(world, generator("{{ .DisplayName }}.gates.kong-air.test"));
        await until("the new name is there", async () => (await addresses(OTHER_NAME)).includes(vip));
        const output = await world.ctl(["delete", "hostnamegenerator", "gates"]);
        assert.equal(output.code, 0, output.stderr);
        await until(
          "the new name is gone",
          async () => (await ask(OTHER_NAME, TXT)).answers[0]?.type === TXT,
        );
        const seen = await watch.stop();
        assert.equal(seen.missing, 0, `${seen.missing} of ${seen.asked}`);
        assert.ok(seen.asked > 10);
        assert.deepEqual(await portal.stats(modified), before);
      });

      await t.test("a name that a change brings is there when the change is said to be", async () => {
        for (let i = 0; i < 5; i++) {
          await applied(world, generator(`{{ .DisplayName }}.turn-${i}.mesh.local`));
          const asked = upstream.asked.length;
          assert.deepEqual(await addresses(`check-in-api.turn-${i}.mesh.local`), [vip]);
          assert.equal(upstream.asked.length, asked, "the resolver was asked for it");
        }
        const output = await world.ctl(["delete", "hostnamegenerator", "gates", WAIT]);
        assert.equal(output.code, 0, output.stderr);
      });

      await t.test("resolvers change with resolv.conf; without one, mesh names are answered", async () => {
        writeFileSync(resolvConf, "nameserver [127.0.0.1]:9\n");
        await until("other names fail", async () => (await ask("example.org", TXT)).rcode === 2);
        assert.deepEqual(await addresses(NAME), [vip]);
        writeFileSync(resolvConf, `nameserver [${upstream.address}]:${upstream.port}\n`);
        await until("other names are found", async () => (await ask("example.org", TXT)).rcode === 0);
      });

      await t.test("what happened is counted", async () => {
        const answer = await fetch(`http://${portal.address}:9902/metrics`);
        const text = await answer.text();
        assert.match(text, /^skein_dp_dns_queries_total\{transport="tcp"\} 1$/m);
        assert.match(text, /^skein_dp_dns_outcomes_total\{outcome="mesh"\} [1-9]/m);
        assert.match(text, /^skein_dp_dns_outcomes_total\{outcome="failed"\} [1-9]/m);
        // The name, and the way back from its address.
        assert.match(text, /^skein_dp_dns_names 2$/m);
      });

      await t.test("names are answered without a control plane, and while Envoy starts again", async () => {
        const watch = watching(dns, NAME);
        await world.killControlPlane();
        await pause(500);
        const [envoy = 0] = childrenOf(portal.child.pid);
        process.kill(envoy, "SIGKILL");
        await until("another Envoy runs", async () =>
          childrenOf(portal.child.pid).some((pid) => pid !== envoy),
        );
        await until("it answers", async () => (await portal.admin("/server_info")) !== "");
        // It has no configuration now, and nobody to get one from.
        await pause(2_000);
        assert.deepEqual(await addresses(NAME), [vip]);
        await world.startControlPlane(settings);
        await inSync(world);
        const seen = await watch.stop();
        assert.equal(seen.missing, 0, `${seen.missing} of ${seen.asked}`);
      });

      await t.test("what is written while the proxy was away reaches it", async () => {
        await applied(world, generator("{{ .DisplayName }}.gates.kong-air.test"));
        await until("the new name is there", async () => (await addresses(OTHER_NAME)).includes(vip));
      });
    },
    { mesh: MESH },
  );
});

function generator(template: string): string {
  return `type: HostnameGenerator
name: gates
spec:
  selector: {meshService: {matchLabels: {kuma.io/origin: zone}}}
  template: "${template}"
`;
}

function childrenOf(pid: number): readonly number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
    .trim()
    .split(" ")
    .filter(Boolean)
    .map(Number);
}
