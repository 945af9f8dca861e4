// Reads and writes the simulator with @hubspot/api-client, the vendor's own client.
//
// It reads contacts alone and in batches, searches, creates and changes them by a unique property, merges and archives them, and
// checks the signature of a webhook. Its models name each field; the script prints what they read.

const { Client, Signature } = require("@hubspot/api-client");

const order = JSON.parse(process.argv[2]);
const client = new Client({ accessToken: order.token, basePath: order.url, numberOfApiCallRetries: 0 });
const { basicApi, batchApi, searchApi } = client.crm.contacts;
const stranger = new Client({ accessToken: "no-token-of-ours", basePath: order.url, numberOfApiCallRetries: 0 });

const plain = (value) => JSON.parse(JSON.stringify(value));

async function refusal(call) {
  try {
    await call();
  } catch (error) {
    return { status: error.code, category: error.body.category };
  }
  throw new Error("was not refused");
}

const upsert = (email) =>
  batchApi.upsert({
    inputs: [
      {
        id: order.newKey,
        idProperty: order.keyProperty,
        objectWriteTraceId: "1",
        properties: { lastname: "Ashgrove", email },
      },
    ],
  });

async function main() {
  const properties = ["email", "lastname", order.keyProperty, "hs_merged_object_ids"];
  const batch = (ids) => batchApi.read({ inputs: ids.map((id) => ({ id })), properties, propertiesWithHistory: [] });
  const output = {
    one: await basicApi.getById(order.contact, properties),
    byKey: await basicApi.getById(order.key, properties, undefined, undefined, false, order.keyProperty),
    page: await basicApi.getPage(1, undefined, ["email"]),
    found: await batch([order.contact]),
    missed: await batch([order.contact, "99"]),
    search: await searchApi.doSearch({
      filterGroups: [{ filters: [{ propertyName: "lastmodifieddate", operator: "GTE", value: "0" }] }],
      sorts: ["lastmodifieddate"],
      properties: ["lastmodifieddate"],
      limit: 1,
    }),
    written: [await upsert("ashgrove@example.org"), await upsert("ashgrove@example.org")],
    conflict: await refusal(() => upsert(order.takenEmail)),
    invalid: await refusal(() => upsert("ashgrove@")),
    tooFar: await refusal(() => searchApi.doSearch({ filterGroups: [], sorts: [], limit: 200, after: "9900" })),
  };
  output.merged = await basicApi.merge({ primaryObjectId: order.contact, objectIdToMerge: order.other });
  output.afterMerge = await basicApi.getById(order.other, properties);
  await basicApi.archive(output.merged.id);
  output.archived = await basicApi.getById(output.merged.id, properties, undefined, undefined, true);
  output.gone = await refusal(() => basicApi.getById(output.merged.id));
  output.stranger = await refusal(() => stranger.crm.contacts.basicApi.getById(order.contact));
  const { webhook } = order;
  output.signed = Signature.isValid({
    signatureVersion: "v3",
    method: "POST",
    clientSecret: order.secret,
    requestBody: webhook.body,
    url: webhook.url,
    signature: webhook.signature,
    timestamp: Number(webhook.timestamp),
  });
  return plain(output);
}

main().then((output) => console.log(JSON.stringify(output)));
