import { readFileSync } from "node:fs";
import { createServer as createHttp, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttp2 } from "node:http2";
import { createServer as createHttps } from "node:https";
import { createServer as createTcp, type Socket } from "node:net";

/*
 * What a company has outside of its mesh, on every address of the machine: HTTP on 80 and 8080, HTTPS on 443 and 8443,
 * HTTP/2 without TLS on 50051, an echo of bytes on 9000, and on 22 and 3306 servers that speak before their clients do.
 *
 * Arguments: file of the certificate, file of its key, in PEM.
 */

const [, , certificate = "", key = ""] = process.argv;
const tls = { cert: readFileSync(certificate), key: readFileSync(key) };

/** Says its name, and below `/headers` the names of the headers that came. */
const web = (name: string) => (request: IncomingMessage, answer: ServerResponse) =>
  answer.end(request.url === "/headers" ? Object.keys(request.headers).sort().join(" ") : `${name}\n`);
const echo = (socket: Socket): void => {
  socket.on("error", () => socket.destroy()).pipe(socket);
};
const greeting = (socket: Socket): void => {
  socket.write("welcome\n");
  echo(socket);
};

const servers = [
  { server: createHttp(web("http")), port: 80 },
  { server: createHttp(web("http")), port: 8080 },
  { server: createHttps(tls, web("https")), port: 443 },
  { server: createHttps(tls, web("https")), port: 8443 },
  { server: createHttp2((_, answer) => answer.end("h2c\n")), port: 50_051 },
  { server: createTcp(echo), port: 9000 },
  { server: createTcp(greeting), port: 22 },
  { server: createTcp(greeting), port: 3306 },
];
let listening = 0;
for (const { server, port } of servers) {
  server.listen(port, "::", () => {
    listening += 1;
    if (listening === servers.length) console.log("all listen");
  });
}
