// A small app that asks Bursar what a team may do, with nothing but Node itself:
//
//   BURSAR_URL=http://127.0.0.1:8000 BURSAR_API_KEY=… node examples/node/app.mjs
import { createServer } from "node:http";

const { BURSAR_URL = "http://127.0.0.1:8000", BURSAR_API_KEY, PORT = 3000 } = process.env;

// entitlements is one indexed read, made to be asked on every request. A team that
// Bursar has not heard of yet has the default plan.
async function entitlements(team) {
  const url = `${BURSAR_URL}/v1/tenants/${encodeURIComponent(team)}/entitlements?default=true`;
  const answer = await fetch(url, { headers: { Authorization: `Bearer ${BURSAR_API_KEY}` } });
  if (!answer.ok) throw new Error(`Bursar: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

const projects = {}; // by team

async function handle(method, path) {
  const [team, what] = path.slice(1).split("/").map(decodeURIComponent);
  const { plan, status, features } = await entitlements(team);
  if (method === "GET") {
    return [200, `${team} is on ${plan} (${status}) and may have ${features.projects} projects.\n`];
  }
  if (what !== "projects") return [404, "Not found.\n"];
  if ((projects[team] ?? 0) >= features.projects) {
    return [402, "Your plan has no room for another project.\n"];
  }
  projects[team] = (projects[team] ?? 0) + 1;
  return [201, "Added.\n"];
}

const server = createServer(async (request, response) => {
  const [status, text] = await handle(request.method, request.url).catch((error) => {
    console.error(error);
    return [502, "Billing cannot be reached right now.\n"];
  });
  response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8" }).end(text);
});
server.listen(PORT, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
