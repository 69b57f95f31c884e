//! docs/events.md as its reader uses it: the program runs under the name that stands in the document, the record is imported, and
//! each command runs as it stands there, with the variables that the document tells to set.

use super::{POLL, PUSH, VERIFICATION, text};
use crate::serve::{RENKEI, ServeFolder};
use crate::support::jws::claims;
use crate::support::profile::root;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const ISSUER: &str = "https://link.example.jp";

/// The fenced blocks of the document, each with its language and the text before it.
struct Block {
    language: String,
    text: String,
    before: String,
}
fn blocks() -> Vec<Block> {
    let document = std::fs::read_to_string(root().join("docs/events.md")).unwrap();
    let (mut blocks, mut before, mut block): (Vec<Block>, String, Option<Block>) = (Vec::new(), String::new(), None);
    for line in document.lines() {
        match (line.strip_prefix("```"), block.take()) {
            (Some(language), None) => {
                block = Some(Block { language: language.into(), text: String::new(), before: before.clone() });
            }
            (Some(_), Some(whole)) => blocks.push(whole),
            (None, Some(mut part)) => {
                part.text += &format!("{line}\n");
                block = Some(part);
            }
            (None, None) => before += &format!("{line}\n"),
        }
    }
    assert!(block.is_none(), "the last block does not end");
    blocks
}

/// The names of the variables of a shell text, but those that it sets itself.
fn variables(shell: &str) -> BTreeSet<String> {
    let name = |text: &str| text.chars().take_while(|c| c.is_ascii_uppercase() || *c == '_').collect::<String>();
    let used = shell.split('$').skip(1).map(name);
    used.filter(|used| !used.is_empty() && !shell.contains(&format!("{used}="))).collect()
}

/// The running program and its reader.
struct Reader {
    folder: ServeFolder,
    server: Child,
    variables: BTreeMap<&'static str, String>,
}
impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
impl Reader {
    fn start() -> Self {
        let folder = ServeFolder::new();
        let write = |name: &str, text: &str| {
            let path = folder.dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        };
        let made = rcgen::generate_simple_self_signed(vec!["link.example.jp".to_owned()]).unwrap();
        write("cert.pem", &made.cert.pem());
        write("key.pem", &made.signing_key.serialize_pem());
        write("hook.secret", "the hook's secret of this test, long enough");
        let mut config: toml::Table = toml::from_str(&std::fs::read_to_string(folder.config()).unwrap()).unwrap();
        let table = |text: &str| toml::Value::from(toml::from_str::<toml::Table>(text).unwrap());
        config["server"]["issuer"] = ISSUER.into();
        config["server"]["mode"] = "production".into();
        let terms = concat!(env!("CARGO_MANIFEST_DIR"), "/config/demo/terms.txt");
        let institution = config.entry("institution").or_insert_with(|| table(""));
        institution.as_table_mut().unwrap().insert("terms_file".to_owned(), terms.into());
        config["mail"] = table("kind = 'smtp'\nhost = '127.0.0.1'\nfrom = 'notice@minato.example'");
        config["bank"] = table("kind = 'http'\nurl = 'https://127.0.0.1:9'");
        // Not the one of the machine.
        config.insert("admin".to_owned(), table("socket = 'admin.sock'"));
        write("renkei.toml", &config.to_string());
        // What a test adds to each command: where the host is, who vouches for it, and that the status is shown.
        write(
            ".curlrc",
            &format!(
                "connect-to = \"link.example.jp:443:127.0.0.1:{}\"\ncacert = \"{}\"\nsilent\nshow-error\nnoproxy = \"*\"\n\
                 write-out = \"\\n== %{{http_code}}\\n\"\n",
                folder.port(),
                folder.dir.path().join("cert.pem").display()
            ),
        );
        let mut server = folder.start();
        let mut log = server.stderr.take().unwrap();
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self { folder, server, variables: BTreeMap::new() }
    }
    /// `renkei client import` of a record.
    fn import(&self, record: &str) -> Value {
        let file = self.folder.dir.path().join("record.json");
        std::fs::write(&file, record).unwrap();
        let mut command = Command::new(RENKEI);
        command.args(["--json", "client", "import", "--replace"]).arg(file).arg("--config").arg(self.folder.config());
        let done = command.output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        serde_json::from_slice(&done.stdout).unwrap()
    }
    fn set(&mut self, name: &'static str, value: &Value) {
        self.variables.insert(name, value.as_str().unwrap_or_else(|| panic!("{name}: {value}")).to_owned());
    }
    fn begin(&self, shell: &str) -> Child {
        let mut command = Command::new("bash");
        command.args(["-euc", shell]).env("CURL_HOME", self.folder.dir.path()).envs(&self.variables);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }
    /// The answers to the commands of a block: each status with its body.
    fn run(&self, shell: &str) -> Vec<(u16, Value)> {
        answers(self.begin(shell))
    }
}
fn answers(running: Child) -> Vec<(u16, Value)> {
    let done = running.wait_with_output().unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "{said}{}", String::from_utf8_lossy(&done.stderr));
    let mut found = Vec::new();
    let mut body = String::new();
    for line in said.lines() {
        if let Some(status) = line.strip_prefix("== ") {
            let json = if body.trim().is_empty() { Value::Null } else { serde_json::from_str(&body).unwrap() };
            found.push((status.parse().unwrap(), json));
            body.clear();
        } else {
            body += line;
        }
    }
    found
}
/// The one answer, if its status is this one.
#[track_caller]
fn one(answers: &[(u16, Value)], expected: u16) -> Value {
    let [(status, body)] = answers else { panic!("{answers:?}") };
    assert_eq!(*status, expected, "{body}");
    body.clone()
}
/// The members of an object.
fn members(value: &Value) -> BTreeSet<&String> {
    value.as_object().unwrap().keys().collect()
}

#[test]
fn each_command_of_the_guide_does_what_it_says() {
    let blocks = blocks();
    let of = |sh: bool| blocks.iter().filter(move |block| (block.language == "sh") == sh);
    for block in of(false) {
        assert!(!block.text.contains("curl "), "a block with a command is not marked `sh`:\n{}", block.text);
    }
    for block in of(true) {
        for name in variables(&block.text) {
            assert!(block.before.contains(&format!("`${name}`")), "nothing says what ${name} is:\n{}", block.text);
        }
    }
    let shell: Vec<&str> = of(true).map(|block| block.text.as_str()).collect();
    let [token, push, poll, manage, status, verify, fetch, acknowledge] = shell[..] else {
        panic!("another number of blocks: {shell:#?}")
    };
    let example = |holds: &str| &blocks.iter().find(|b| b.text.contains(holds)).unwrap().text;
    let mut reader = Reader::start();

    let record = example("\"grant_types\"");
    let imported = reader.import(record);
    reader.set("SECRET", &imported["client_secret"]);
    let answer = one(&reader.run(token), 200);
    assert_eq!((&answer["scope"], &answer["expires_in"]), (&json!("ssf.manage ssf.read"), &json!(3600)));
    reader.set("TOKEN", &answer["access_token"]);

    let pushed = one(&reader.run(push), 201);
    let delivery = json!({"method": PUSH, "endpoint_url": "https://api.example.jp/events/renkei"});
    assert_eq!(pushed["delivery"], delivery, "the authorization header is never shown");
    let requested = json!([format!("{ISSUER}/events/grant.revoked"), format!("{ISSUER}/events/grant.expired")]);
    assert_eq!(pushed["events_delivered"], requested);
    assert_eq!(pushed["description"], "account API, production");

    let polled = one(&reader.run(poll), 201);
    let shown: Value = serde_json::from_str(example("\"inactivity_timeout\"")).unwrap();
    assert_eq!(members(&polled), members(&shown), "the example has the members of the answer");
    for same in ["iss", "aud", "min_verification_interval", "inactivity_timeout"] {
        assert_eq!(polled[same], shown[same], "{same}");
    }
    assert_eq!(polled["delivery"]["method"], POLL);
    let endpoint = format!("{ISSUER}/ssf/poll/{}", text(&polled, "stream_id"));
    assert_eq!(polled["delivery"]["endpoint_url"], endpoint.as_str());
    for kind in ["events_supported", "events_delivered"] {
        assert_eq!(polled[kind][0], shown[kind][0], "{kind}");
    }
    assert_eq!(one(&reader.run(poll), 409)["error"].as_str().map(str::is_empty), Some(false), "the record says two");

    reader.set("ID", &pushed["stream_id"]);
    let answers_of = reader.run(manage);
    let [(200, all), (200, read), (200, patched), (200, put), (204, Value::Null)] = &answers_of[..] else {
        panic!("{answers_of:?}")
    };
    assert_eq!(all.as_array().map(Vec::len), Some(2), "all streams of this client");
    assert_eq!(read, &pushed);
    assert_eq!(patched["description"], "account API, test");
    assert_eq!(patched["delivery"], delivery, "PATCH changes what is sent");
    assert_eq!((&put["delivery"]["method"], put.get("description")), (&json!(POLL), None), "PUT replaces");
    assert_eq!(put["events_delivered"], polled["events_delivered"], "what is absent gets its default");

    reader.set("ID", &polled["stream_id"]);
    let answers_of = reader.run(status);
    let [(200, read), (200, changed)] = &answers_of[..] else { panic!("{answers_of:?}") };
    assert_eq!(read, &json!({"stream_id": polled["stream_id"], "status": "enabled"}));
    let paused = json!({"stream_id": polled["stream_id"], "status": "paused", "reason": "maintenance"});
    assert_eq!(changed, &paused);

    // A paused stream holds the verification.
    assert_eq!(one(&reader.run(verify), 204), Value::Null);
    assert_eq!(reader.run(verify)[0].0, 429, "a receiver may ask every ten seconds");
    reader.set("ENDPOINT_URL", &polled["delivery"]["endpoint_url"]);
    let at_once = fetch.replace("{\"maxEvents\"", "{\"returnImmediately\": true, \"maxEvents\"");
    assert_eq!(one(&reader.run(&at_once), 200), json!({"sets": {}, "moreAvailable": false}));
    reader.run(&status.replace("paused", "enabled"));

    let fetched = one(&reader.run(fetch), 200);
    let answer: Value = serde_json::from_str(example("\"sets\"")).unwrap();
    assert_eq!(members(&fetched), members(&answer));
    let sets: Vec<(&String, &Value)> = fetched["sets"].as_object().unwrap().iter().collect();
    let [(jti, set)] = sets[..] else { panic!("{fetched}") };
    let set = claims(set.as_str().unwrap());
    assert_eq!(set["events"], json!({VERIFICATION: {"state": "VGhpcyBpcyBhbiBleG"}}), "the state that was sent");
    assert_eq!(&set["jti"], jti);
    assert!(verify.contains("VGhpcyBpcyBhbiBleG"));

    // The second poll acknowledges, finds nothing more, and waits until the institution changes the record.
    reader.set("JTI", &set["jti"]);
    let (began, waiting) = (Instant::now(), reader.begin(acknowledge));
    std::thread::sleep(Duration::from_millis(700));
    reader.import(&record.replace("Account API", "Account API 2"));
    let more = one(&answers(waiting), 200);
    let sets: Vec<&Value> = more["sets"].as_object().unwrap().values().collect();
    let [set] = sets[..] else { panic!("what was acknowledged does not come again: {more}") };
    assert_eq!(claims(set.as_str().unwrap())["events"], json!({format!("{ISSUER}/events/client.changed"): {}}));
    assert!((Duration::from_millis(700)..Duration::from_secs(10)).contains(&began.elapsed()), "it waited");
}
