import { type Connections, httpClient, startLoad } from "./load.ts";

/**
 * A load as a process of its own, for hosts where this process is not: `load-process.ts URL kept|new RATE`. Prints its
 * report, one line of JSON, every quarter of a second, and a last time when SIGTERM has stopped it.
 */
const [url = "", connections = "new", rate = ""] = process.argv.slice(2);
const load = startLoad(httpClient(url, connections as Connections), Number(rate));
const tell = (): void => console.log(JSON.stringify(load.report()));
const timer = setInterval(tell, 250);
process.once("SIGTERM", () => {
  clearInterval(timer);
  void load.stop().then(tell);
});
