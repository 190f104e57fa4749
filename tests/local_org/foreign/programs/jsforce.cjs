// jsforce against the org of the realm: `node jsforce.cjs`, told by the environment where and as whom. Prints what it saw as JSON.
const assert = require('node:assert');
const jsforce = require('jsforce');

const { INSTANCE_URL, ACCESS_TOKEN, REFRESH_TOKEN, CLIENT_ID, CLIENT_SECRET, ORG_USERNAME, ORG_PASSWORD } = process.env;
const seen = {};

async function reading(conn) {
  seen.identity = (await conn.identity()).username;
  seen.objects = (await conn.describeGlobal()).sobjects.map((each) => each.name);
  seen.fields = (await conn.sobject('Opportunity').describe()).fields.map((each) => each.name);
  const small = { headers: { 'Sforce-Query-Options': 'batchSize=200' } };
  const ids = [];
  let page = await conn.query('SELECT Id, Subject FROM EmailMessage ORDER BY Id', small);
  seen.pages = 1;
  ids.push(...page.records.map((each) => each.Id));
  while (!page.done) {
    page = await conn.queryMore(page.nextRecordsUrl, small);
    seen.pages += 1;
    ids.push(...page.records.map((each) => each.Id));
  }
  seen.mails = ids.length;
  seen.different = new Set(ids).size;
  seen.total = page.totalSize;
  const found = await conn.sobject('Opportunity').find({ IsClosed: false }, 'Id, Account.Name').limit(3);
  seen.retrieved = (await conn.sobject('Opportunity').retrieve(found.map((each) => each.Id))).map((each) => each.Id);
  seen.found = found.map((each) => each.Id);
  seen.usage = conn.limitInfo.apiUsage;
}

async function bulk(conn) {
  const times = { pollInterval: 100, pollTimeout: 120_000 };
  const live = await conn.bulk2.query('SELECT Id, Name FROM Opportunity', times);
  seen.bulkLive = (await live.toArray()).length;
  const all = await conn.bulk2.query('SELECT Id, Name FROM Opportunity', { ...times, scanAll: true });
  seen.bulkAll = (await all.toArray()).length;
}

async function file(conn, deal) {
  const content = Buffer.from('from jsforce').toString('base64');
  const values = { PathOnClient: 'jsforce.txt', FirstPublishLocationId: deal, VersionData: content };
  const made = await conn.sobject('ContentVersion').create(values);
  const chunks = [];
  for await (const chunk of conn.sobject('ContentVersion').record(made.id).blob('VersionData')) chunks.push(chunk);
  seen.file = Buffer.concat(chunks).toString();
}

async function refusal(ask) {
  return ask().then(
    () => 'accepted',
    (error) => error.errorCode ?? error.message,
  );
}

async function main() {
  const oauth2 = { loginUrl: 'https://login.salesforce.com', clientId: CLIENT_ID, clientSecret: CLIENT_SECRET };
  // A session that nobody knows: jsforce has to refresh, at the log-in host, and ask again.
  const renewed = new jsforce.Connection({
    oauth2, instanceUrl: INSTANCE_URL, accessToken: `${ACCESS_TOKEN}x`, refreshToken: REFRESH_TOKEN, version: '66.0',
  });
  renewed.on('refresh', (token) => { seen.refreshed = token !== ACCESS_TOKEN; });
  await reading(renewed);
  await bulk(renewed);
  await file(renewed, seen.found[0]);
  seen.unknownField = await refusal(() => renewed.query('SELECT Nonsense FROM Opportunity'));

  const soap = new jsforce.Connection({ loginUrl: 'https://login.salesforce.com', version: '64.0' });
  seen.wrongPassword = await refusal(() => soap.login(ORG_USERNAME, 'wrong'));
  await soap.login(ORG_USERNAME, ORG_PASSWORD);
  seen.soapInstance = soap.instanceUrl;
  seen.soapIdentity = (await soap.identity()).username;
  const session = soap.accessToken;
  await soap.logout();
  const stale = new jsforce.Connection({ instanceUrl: INSTANCE_URL, accessToken: session, version: '66.0' });
  seen.afterLogout = await refusal(() => stale.query('SELECT Id FROM Opportunity'));
  assert(Object.values(seen).every((each) => each !== undefined));
}

main().then(
  () => console.log(JSON.stringify(seen)),
  (error) => { console.error(error); process.exit(1); },
);
