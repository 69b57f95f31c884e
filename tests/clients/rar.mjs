// RFC 9396: an app asks for balances; the customer chooses which accounts; the token is worth exactly that.
import assert from "node:assert/strict";
import { call, enter, link } from "./support.mjs";

const app = await enter("fapi2-jwt-dpop");
assert.ok(app.config.serverMetadata().authorization_details_types_supported.includes("account_information"));
const wanted = [{ type: "account_information", permissions: ["balances"] }];
const asked = { scope: "openid accounts", authorization_details: JSON.stringify(wanted) };
const reads = (token, path) => call(app, token, new URL(path, app.resource));

// The sample customer has two accounts; the one they proved to have is ticked. They share both, then the other alone.
for (const [clicked, numbers] of [
  [["account-2"], ["1100026", "2200011"]],
  [["account-1", "account-2"], ["2200011"]],
]) {
  const agreeing = [["click", "id", "agree"], ["click", "css", "button[value='allow']"]];
  const { tokens } = await link(app, asked, { "6 consent": [...clicked.map((id) => ["click", "id", id]), ...agreeing] });

  const [detail, ...more] = tokens.authorization_details;
  assert.deepEqual([detail.type, detail.permissions, more], ["account_information", ["balances"], []]);
  const { accounts } = await reads(tokens.access_token, "/v1/accounts");
  assert.deepEqual(accounts.map((account) => account.account_number).sort(), numbers);
  assert.deepEqual(accounts.map((account) => account.id).sort(), [...detail.accounts].sort());
  for (const id of detail.accounts) {
    assert.equal(typeof (await reads(tokens.access_token, `/v1/accounts/${id}/balance`)).balance, "number");
    const beyond = await reads(tokens.access_token, `/v1/accounts/${id}/transactions`).then(assert.fail, (why) => why);
    assert.equal(beyond.status, 403);
  }
}
