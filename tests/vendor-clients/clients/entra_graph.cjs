// Reads the simulator with @microsoft/microsoft-graph-client, the vendor's own client.
//
// It pages through users, follows the delta query, reads and restores a deleted user, reads a sign-in, subscribes to changes, and
// prints what it got. The client sends a token to an https address only, and follows links to one only. So a middleware stands
// between it and the simulator, as a proxy that ends TLS would.

const http = require("node:http");
const {
  AuthenticationHandler,
  Client,
  HTTPMessageHandler,
  PageIterator,
} = require("@microsoft/microsoft-graph-client");

const order = JSON.parse(process.argv[2]);
const secure = order.url.replace("http://", "https://");

class EndOfTls {
  setNext(next) {
    this.next = next;
  }

  async execute(context) {
    context.request = context.request.replace(secure, order.url);
    await this.next.execute(context);
    const { status, headers } = context.response;
    const text = await context.response.text();
    const body = [204, 304].includes(status) ? null : text.replaceAll(order.url, secure);
    context.response = new Response(body, { status, headers });
  }
}

function clientWith(token) {
  const authentication = new AuthenticationHandler({ getAccessToken: async () => token });
  const tls = new EndOfTls();
  authentication.setNext(tls);
  tls.setNext(new HTTPMessageHandler());
  const host = new URL(secure).hostname;
  return Client.initWithMiddleware({
    middleware: authentication,
    baseUrl: `${secure}/`,
    defaultVersion: "v1.0",
    customHosts: new Set([host]),
  });
}

async function token() {
  const form = new URLSearchParams({
    grant_type: "client_credentials",
    client_id: order.client_id,
    client_secret: order.client_secret,
    scope: `${order.url}/.default`,
  });
  const reply = await fetch(`${order.url}/${order.tenant}/oauth2/v2.0/token`, { method: "POST", body: form });
  if (!reply.ok) throw new Error(`no token: ${reply.status}`);
  return (await reply.json()).access_token;
}

async function refusal(call) {
  try {
    await call;
  } catch (error) {
    return { status: error.statusCode, code: error.code };
  }
  throw new Error("was not refused");
}

// A round of the delta query: its items, and the link to the next round.
async function round(graph, first) {
  const items = [];
  let page = await first;
  for (;;) {
    items.push(...page.value);
    const next = page["@odata.nextLink"];
    if (next === undefined) return { items, link: page["@odata.deltaLink"] };
    page = await graph.api(next).get();
  }
}

// Answers the handshake as Microsoft's documentation asks: the decoded token, as plain text.
async function receiver() {
  const server = http.createServer((request, response) => {
    const token = new URL(request.url, "http://localhost").searchParams.get("validationToken");
    response.writeHead(token === null ? 202 : 200, { "Content-Type": "text/plain" }).end(token ?? "");
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  return { server, url: `http://127.0.0.1:${server.address().port}` };
}

async function subscription(graph) {
  const { server, url } = await receiver();
  const end = (days) => new Date(Date.now() + days * 86_400_000).toISOString();
  const wanted = {
    changeType: "updated,deleted",
    resource: "users",
    notificationUrl: `${url}/notices`,
    lifecycleNotificationUrl: `${url}/lifecycle`,
    clientState: "0123456789abcdef-state",
    expirationDateTime: end(1),
  };
  const created = await graph.api("/subscriptions").post(wanted);
  const renewed = await graph.api(`/subscriptions/${created.id}`).patch({ expirationDateTime: end(20) });
  await graph.api(`/subscriptions/${created.id}/reauthorize`).post({});
  const listed = await graph.api("/subscriptions").get();
  const tooLong = await refusal(graph.api("/subscriptions").post({ ...wanted, expirationDateTime: end(40) }));
  server.close();
  const unanswered = await refusal(graph.api("/subscriptions").post(wanted));
  return { created, renewed, listed: listed.value, tooLong, unanswered };
}

async function main() {
  const graph = clientWith(await token());
  const user = await graph.api(`/users/${order.user}`).get();
  const selected = await graph.api(`/users/${order.user}`).select(["id", "accountEnabled", "employeeId"]).get();

  const listed = [];
  const pages = new PageIterator(graph, await graph.api("/users").select("id").top(2).get(), (one) => {
    listed.push(one.id);
    return true;
  });
  await pages.iterate();

  const first = await round(graph, graph.api("/users/delta").select(["id", "displayName", "deletedDateTime"]).get());
  const deletedPath = `/directory/deletedItems/${order.deleted}/microsoft.graph.user`;
  const deleted = await graph.api(deletedPath).select(["id", "deletedDateTime"]).get();
  const deletedList = await graph.api("/directory/deletedItems/microsoft.graph.user").select("id").get();
  const restored = await graph.api(`/directory/deletedItems/${order.deleted}/restore`).post({});
  const second = await round(graph, graph.api(first.link).get());

  const output = {
    user,
    selected,
    listed,
    first: first.items,
    deleted,
    deleted_list: deletedList.value.map((one) => one.id),
    restored: restored.id,
    second: second.items.map((one) => one.id),
    sign_in: await graph.api(`/auditLogs/signIns/${order.sign_in}`).get(),
    subscription: await subscription(graph),
    missing: await refusal(graph.api(`/users/${order.unknown}`).get()),
    wrong_field: await refusal(graph.api(`/users/${order.user}`).select("shoeSize").get()),
    wrong_page: await refusal(graph.api("/users").top(1000).get()),
    wrong_token: await refusal(clientWith("no-token").api("/users").get()),
  };
  console.log(JSON.stringify(output));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
