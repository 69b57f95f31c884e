// The resource server: it introspects a live and a dead token all the time, over a kept connection and over a new one for each
// request, and records wrong answers and how long each took. attacks.mjs forks it and tells it when to stop.
import { basic, clients, Connection, issuer, post, wait } from "./support.mjs";

const [port, live, dead] = [Number(process.argv[2]), process.argv[3], process.argv[4]];
const authorization = `Authorization: ${basic("accounts-api", clients["accounts-api"].client_secret)}`;
/** After so many ms there is no answer. */
const GIVEN_UP = 30_000;

const seen = { kept: [], fresh: [], wrong: [], unanswered: { kept: 0, fresh: 0 } };
let over = false;
/** Whether the attack has begun: answers before it are not counted. */
let begun = false;

async function ask(connection, token) {
  const since = performance.now();
  const answer = await Promise.race([connection.ask(post("/oauth/introspect", { token }, [authorization])), wait(GIVEN_UP)]);
  return { answer, took: performance.now() - since };
}
/** What is wrong with an answer, if anything is. */
function fault(answer, token) {
  if (answer.status !== 200) return `status ${answer.status}: ${answer.body.slice(0, 100)}`;
  if (token === dead) return answer.body === '{"active":false}' ? undefined : "a dead token is not just inactive";
  const said = JSON.parse(answer.body);
  return said.active === true && said.iss === issuer && said.client_id === "kakeibo" ? undefined : "a live token is not active";
}
async function asks(kind, connect, done) {
  for (let n = 0; !over; n++) {
    const token = n % 2 ? dead : live;
    const connection = connect();
    const { answer, took } = await ask(connection, token);
    const wrong = answer && fault(answer, token);
    if (!answer) seen.unanswered[kind] += 1;
    if (begun) seen[kind].push(took);
    if (wrong) seen.wrong.push(`${kind}: ${wrong} after ${Math.round(took)} ms`);
    done(connection);
    await wait(10);
  }
}
const own = new Connection(port);
const both = Promise.all([
  asks("kept", () => own, () => {}),
  asks("fresh", () => new Connection(port), (connection) => connection.close()),
]);
process.on("message", async (order) => {
  if (order === "begin") begun = true;
  if (order !== "end") return;
  over = true;
  await both;
  const figures = (times) => {
    times.sort((a, b) => a - b);
    const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? NaN;
    return { count: times.length, half: at(0.5), most: at(0.99), longest: at(1) };
  };
  const wrong = { count: seen.wrong.length, first: seen.wrong.slice(0, 5) };
  process.send({ kept: figures(seen.kept), fresh: figures(seen.fresh), wrong, unanswered: seen.unanswered }, () => process.exit());
});
process.on("disconnect", () => process.exit());
