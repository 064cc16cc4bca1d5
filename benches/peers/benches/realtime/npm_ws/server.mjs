// npm's `ws`, as its documentation broadcasts: the same frame to every client.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { WebSocket, WebSocketServer } from "ws";

const REST =
  ',"id":"019364e2-7f5c-7c3a-9d5a-2f1f5f1c9b1e","cursor":1,"timestamp":"2026-11-24T10:00:00.000000Z","correlation_id":"019364e2-7f5c-7c3a-9d5a-2f1f5f1c9b1e"}';

const server = createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    const text = Buffer.concat(parts).toString().replace(/}+$/, "") + REST;
    for (const client of sockets.clients) {
      if (client.readyState === WebSocket.OPEN) client.send(text);
    }
    response.end();
  });
});
const sockets = new WebSocketServer({ server, path: "/subscribe", perMessageDeflate: false });

server.listen(0, "127.0.0.1", 8192, () => console.log(`127.0.0.1:${server.address().port} /subscribe /publish`));
createInterface({ input: process.stdin })
  .on("line", () => {
    globalThis.gc();
    const { heapUsed, external } = process.memoryUsage();
    console.log(heapUsed + external);
  })
  .on("close", () => process.exit(0));
