import { createWorld } from "../world/world.ts";
import { createApi } from "./testing/api.ts";
import { joinFleet, simulatedDataplane } from "./testing/simulated.ts";
import { residentMb } from "./testing/process-memory.ts";
import { MESH_YAML } from "../kong-air/cast.ts";
await using world = await createWorld();
const cp = await world.startControlPlane({NODE_OPTIONS: process.argv[2] ?? ""});
const api = createApi(world.controlPlane.api);
await world.apply(MESH_YAML);
const fleet = await joinFleet(world, api, 40);
for (let r = 0; r < 600; r++) {
  const id = await api.put(`/meshes/${world.mesh}/meshtimeouts/everybody`, {type:"MeshTimeout",mesh:world.mesh,name:"everybody",spec:{to:[{targetRef:{kind:"Mesh"},default:{connectionTimeout:`${r+1}s`,http:{requestTimeout:`${r+2}s`}}}]}});
  await api.settled(id);
  if (r % 100 === 0) console.log(r, residentMb(cp.pid).toFixed(0));
}
fleet.close();
