import { until } from "@skein/testbed";

/** The address that a MeshService has of its own, once it has host names, too. */
export async function serviceAddress(api: string, mesh: string, service: string): Promise<string> {
  return await until("the service has a name and an address", async () => {
    const answer = await fetch(`${api}/meshes/${mesh}/meshservices/${service}`);
    const { status } = (await answer.json()) as {
      status?: { addresses?: object[]; vips?: { ip: string }[] };
    };
    return status?.addresses === undefined ? undefined : status.vips?.[0]?.ip;
  });
}
