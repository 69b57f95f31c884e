//! Mutual TLS (RFC 8705) with real handshakes: who is let in by a certificate, what a token that is bound to one is worth
//! with another, and what a proxy may tell of it (RFC 9440).

use crate::conformance::resource::ApiUnderTest;
use crate::support::app::{App, Credential};
use crate::support::http::{Answer, Http, RequestParts, encode};
use crate::support::jws::Key;
use crate::support::town::{self, Engine, Town};
use crate::tokens::{allowed, linked};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType, IsCa, KeyIdMethod,
    KeyPair, PublicKeyData, RevokedCertParams, date_time_ymd,
};
use renkei_core::secret::{Hash, base64url};
use renkei_demo::listener::Listener;
use renkei_demo::wire;
use renkei_server::config::Config;
use renkei_server::process;
use rustls::HandshakeKind;
use rustls::crypto::aws_lc_rs::cipher_suite;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// The issuer's other name.
const ALIAS: &str = "https://mtls.renkei.test";

/// A certificate with its key.
#[derive(Clone)]
pub(crate) struct Shown {
    chain: String,
    key: String,
    der: Vec<u8>,
    public: Value,
}
impl Shown {
    fn new(key: &KeyPair, certificate: &rcgen::Certificate, rest: &str) -> Self {
        let point = key.der_bytes();
        Self {
            chain: certificate.pem() + rest,
            key: key.serialize_pem(),
            der: certificate.der().to_vec(),
            public: json!({"kty": "EC", "crv": "P-256", "x": base64url(&point[1..33]), "y": base64url(&point[33..])}),
        }
    }
    pub(crate) fn pem(&self) -> String {
        format!("{}{}", self.chain, self.key)
    }
    fn x5t(&self) -> String {
        Hash::of(&self.der).base64url()
    }
    /// RFC 9440 §2.1.
    pub(crate) fn header(&self) -> String {
        format!(":{}:", STANDARD.encode(&self.der))
    }
}

fn params(name: &str, host: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}
pub(crate) fn self_signed(host: &str) -> Shown {
    let key = KeyPair::generate().unwrap();
    let certificate = params("self", host).self_signed(&key).unwrap();
    Shown::new(&key, &certificate, "")
}

/// An authority with somebody under it who may sign too.
pub(crate) struct Ca {
    root: CertifiedIssuer<'static, KeyPair>,
    middle: CertifiedIssuer<'static, KeyPair>,
}
impl Ca {
    fn new() -> Self {
        let authority = |name: &str| {
            let mut params = CertificateParams::default();
            params.distinguished_name.push(DnType::CommonName, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params
        };
        let root = CertifiedIssuer::self_signed(authority("Root"), KeyPair::generate().unwrap()).unwrap();
        let middle = CertifiedIssuer::signed_by(authority("Middle"), KeyPair::generate().unwrap(), &root).unwrap();
        Self { root, middle }
    }
    pub(crate) fn issue(&self, name: &str, host: &str) -> Shown {
        let key = KeyPair::generate().unwrap();
        let certificate = params(name, host).signed_by(&key, &self.root).unwrap();
        Shown::new(&key, &certificate, "")
    }
    fn under_middle(&self, name: &str, host: &str) -> Shown {
        let key = KeyPair::generate().unwrap();
        let certificate = params(name, host).signed_by(&key, &self.middle).unwrap();
        Shown::new(&key, &certificate, &self.middle.pem())
    }
    fn numbered(&self, serial: u64, host: &str) -> Shown {
        let key = KeyPair::generate().unwrap();
        let mut params = params("corp", host);
        params.serial_number = Some(serial.into());
        Shown::new(&key, &params.signed_by(&key, &self.root).unwrap(), "")
    }
    /// Good until the day before the town's.
    fn expired(&self, name: &str, host: &str) -> Shown {
        let key = KeyPair::generate().unwrap();
        let mut params = params(name, host);
        (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2026, 11, 24));
        Shown::new(&key, &params.signed_by(&key, &self.root).unwrap(), "")
    }
}

/// The authority's list of the certificates with these numbers, good for the town's day and the next.
fn revoking(ca: &CertifiedIssuer<'static, KeyPair>, serials: &[u64]) -> String {
    let revoked = |&serial: &u64| RevokedCertParams {
        serial_number: serial.into(),
        revocation_time: date_time_ymd(2026, 11, 24),
        reason_code: None,
        invalidity_date: None,
    };
    let list = CertificateRevocationListParams {
        this_update: date_time_ymd(2026, 11, 24),
        next_update: date_time_ymd(2026, 11, 27),
        crl_number: 1.into(),
        issuing_distribution_point: None,
        revoked_certs: serials.iter().map(revoked).collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    list.signed_by(ca).unwrap().pem().unwrap()
}

/// The server's own certificate and the authority it trusts, in files for the whole run.
pub(crate) struct Files {
    dir: tempfile::TempDir,
    pub server: String,
    pub ca: Ca,
}
pub(crate) fn files() -> &'static Files {
    static FILES: OnceLock<Files> = OnceLock::new();
    FILES.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let (server, ca) = (made.cert.pem(), Ca::new());
        let write = |name: &str, text: &str| {
            let file = dir.path().join(name);
            std::fs::write(&file, text).unwrap();
            std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        };
        write("cert.pem", &server);
        write("key.pem", &made.signing_key.serialize_pem());
        write("ca.pem", &ca.root.pem());
        Files { dir, server, ca }
    })
}

/// Our own listener for certificates beside the public one.
pub(crate) fn listener(config: &mut Config) {
    let at = |name: &str| Some(files().dir.path().join(name));
    let server = &mut config.server;
    (server.tls_cert_file, server.tls_key_file, server.mtls_ca_file) = (at("cert.pem"), at("key.pem"), at("ca.pem"));
    server.mtls_listen = vec!["127.0.0.1:0".parse().unwrap()];
    server.mtls_base_url = Some(ALIAS.into());
}
/// A proxy in front that tells the certificate.
pub(crate) fn proxied(config: &mut Config) {
    config.server.mtls_ca_file = Some(files().dir.path().join("ca.pem"));
    config.server.client_cert_header = true;
}
fn in_town(change: impl FnOnce(&mut Config), test: impl AsyncFn(&Town)) {
    town::run(Engine::Sqlite, change, test);
}

/// A connection to the listener that asks, showing `shown`.
pub(crate) fn showing(w: &Town, shown: Option<&Shown>) -> Http {
    showing_at(w.mtls_port(), &files().server, shown)
}
/// The same at another port, whose certificate is `server`.
pub(crate) fn showing_at(port: u16, server: &str, shown: Option<&Shown>) -> Http {
    let pem = shown.map(Shown::pem);
    Http::over_tls(port, town::ISSUER, server, pem.as_deref())
}
/// The client `id`, proving itself by the certificate of its connection.
pub(crate) fn app(w: &Town, id: &str, http: Http) -> App {
    App::new(http, w.clock.clone(), id, &format!("https://{id}.example/callback"), Credential::Certificate)
}
async fn register(w: &Town, id: &str, more: Value) {
    let mut record = json!({
        "client_id": id, "profile": "fapi2", "client_name": id, "scope": "openid accounts transactions offline_access",
        "redirect_uris": [format!("https://{id}.example/callback")],
    });
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    w.register(record).await;
}
/// `corp`: tls_client_auth under the name corp.example.
pub(crate) async fn register_corp(w: &Town, more: Value) {
    let mut record = json!({
        "token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "corp.example",
        "tls_client_certificate_bound_access_tokens": true, "grant_types": ["authorization_code", "refresh_token"],
    });
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    register(w, "corp", record).await;
}
pub(crate) async fn push(app: &App) -> Answer {
    let (_, fields) = app.request("accounts");
    let fields: Vec<_> = fields.iter().filter(|(n, _)| *n != "client_id").map(|(n, v)| (*n, v.as_str())).collect();
    app.post("/oauth/par", &fields, false).await
}

#[test]
fn who_is_let_in_by_a_certificate() {
    in_town(listener, async |w| {
        let (ca, other_ca) = (&files().ca, Ca::new());
        let own = self_signed("own.example");
        register_corp(w, json!({})).await;
        let named = json!({"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_subject_dn": "CN=corp"});
        register(w, "named", named).await;
        let mut entry = own.public.clone();
        entry["x5c"] = json!([STANDARD.encode(&own.der)]);
        let keys = json!({"token_endpoint_auth_method": "self_signed_tls_client_auth", "jwks": {"keys": [entry]}});
        register(w, "own", keys).await;
        let right = ca.issue("corp", "corp.example");
        for (client, shown, accepted, why) in [
            ("corp", Some(right.clone()), true, "of our authority, with the name"),
            ("corp", Some(ca.under_middle("corp", "corp.example")), true, "with the certificate between"),
            ("corp", None, false, "no certificate"),
            ("corp", Some(ca.issue("corp", "else.example")), false, "of our authority, another name"),
            ("corp", Some(self_signed("corp.example")), false, "the name, but nobody vouches for it"),
            ("corp", Some(other_ca.issue("corp", "corp.example")), false, "another authority"),
            ("corp", Some(ca.expired("corp", "corp.example")), false, "expired"),
            ("named", Some(right.clone()), true, "the subject"),
            ("named", Some(ca.issue("corp2", "corp.example")), false, "another subject"),
            ("own", Some(own.clone()), true, "the registered certificate"),
            ("own", Some(self_signed("own.example")), false, "another self-signed one of the same name"),
            ("own", Some(right.clone()), false, "another client's"),
            ("creco", Some(right.clone()), false, "a client that signs assertions"),
            ("nobody", Some(right), false, "no client at all"),
        ] {
            let answer = push(&app(w, client, showing(w, shown.as_ref()))).await;
            match accepted {
                true => assert_eq!(answer.status, 201, "{client}: {why}: {}", answer.body),
                false => {
                    assert_eq!(
                        (answer.status, &answer.json()["error"]),
                        (401, &json!("invalid_client")),
                        "{client}: {why}"
                    );
                    assert_eq!(answer.header("www-authenticate"), None);
                }
            }
        }
    });
}

/// Authorities and their lists are exchanged while the server runs; a file that is wrong exchanges nothing.
#[test]
fn who_vouches_is_read_again() {
    let (dir, one, two) = (tempfile::tempdir().unwrap(), Ca::new(), Ca::new());
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    let lists = |ca: &Ca, gone: &[u64]| [revoking(&ca.root, gone), revoking(&ca.middle, &[])].concat();
    write("ca.pem", &one.root.pem());
    write("crl.pem", &lists(&one, &[]));
    let change = |config: &mut Config| {
        listener(config);
        config.server.mtls_ca_file = Some(dir.path().join("ca.pem"));
        config.server.mtls_crl_file = Some(dir.path().join("crl.pem"));
    };
    in_town(change, async |w| {
        register_corp(w, json!({})).await;
        let [lost, kept] = [7, 8].map(|serial| one.numbered(serial, "corp.example"));
        let (between, other) = (one.under_middle("corp", "corp.example"), two.numbered(7, "corp.example"));
        let let_in = async |shown: &Shown| push(&app(w, "corp", showing(w, Some(shown)))).await.status == 201;
        let all = async || [let_in(&lost).await, let_in(&kept).await, let_in(&between).await, let_in(&other).await];
        assert_eq!(all().await, [true, true, true, false]);

        write("crl.pem", &lists(&one, &[7]));
        assert_eq!(all().await, [true, true, true, false], "nobody has said that there is a new list");
        w.reload().unwrap();
        assert_eq!(all().await, [false, true, true, false]);

        for (name, text) in [("crl.pem", ""), ("crl.pem", "junk"), ("ca.pem", ""), ("ca.pem", "junk")] {
            let good = std::fs::read_to_string(dir.path().join(name)).unwrap();
            write(name, text);
            let said = w.reload().unwrap_err().to_string();
            assert!(said.starts_with(&format!("server.mtls_{}_file: ", &name[..name.len() - 4])), "{said}");
            assert!(said.contains(name), "{said}");
            assert_eq!(all().await, [false, true, true, false], "{name}: what was in use stays");
            write(name, &good);
        }

        write("crl.pem", &revoking(&one.root, &[]));
        w.reload().unwrap();
        assert_eq!(all().await, [true, true, false, false], "the one between has no list");

        write("ca.pem", &two.root.pem());
        w.reload().unwrap();
        assert_eq!(all().await, [false; 4], "the list is another authority's");
        write("crl.pem", &lists(&two, &[]));
        w.reload().unwrap();
        assert_eq!(all().await, [false, false, false, true]);

        w.clock.advance(Duration::from_hours(48));
        assert_eq!(all().await, [false; 4], "the list is past its nextUpdate");
    });
}

#[test]
fn only_the_listener_for_certificates_asks_for_one() {
    in_town(listener, async |w| {
        register_corp(w, json!({})).await;
        let right = files().ca.issue("corp", "corp.example");
        let public = Http::over_tls(w.http_port(), &w.http.issuer, &files().server, Some(&right.pem()));
        push(&app(w, "corp", public)).await.refused(401, "invalid_client");
        // Nor does anybody listen to a header there, or here, where no proxy is configured to tell.
        for port in [w.http_port(), w.mtls_port()] {
            let plain = Http::over_tls(port, &w.http.issuer, &files().server, None);
            let (_, fields) = app(w, "corp", plain.clone()).request("accounts");
            let form: Vec<_> = fields.into_iter().map(|(n, v)| (n.to_owned(), v)).collect();
            let ask = RequestParts::default().header("client-cert", right.header()).form(&form);
            plain.send("POST", "/oauth/par", ask).await.refused(401, "invalid_client");
        }
        // A browser that comes here is served like anywhere: nothing of ours depends on the listener.
        showing(w, None).get("/healthz").await.expect(200);
    });
}

/// The certificate of a connection is each request's.
#[test]
fn many_requests_share_one_connection() {
    in_town(listener, async |w| {
        register_corp(w, json!({})).await;
        let right = files().ca.issue("corp", "corp.example");
        let (_, fields) = app(w, "corp", w.http.clone()).request("accounts");
        let (form, port) = (encode(&fields), w.mtls_port());
        let tls = tls_of(&right.chain, &right.key, rustls::crypto::aws_lc_rs::ALL_CIPHER_SUITES);
        let ask = move || {
            let mut tls = rustls::ClientConnection::new(tls, "localhost".try_into().unwrap()).unwrap();
            let mut tcp = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
            let mut stream = rustls::Stream::new(&mut tls, &mut tcp);
            for connection in ["keep-alive", "keep-alive", "keep-alive", "close"] {
                let request = request("POST /oauth/par HTTP/1.1", connection, &form);
                stream.write_all(request.as_bytes()).unwrap();
            }
            let mut answers = String::new();
            stream.read_to_string(&mut answers).unwrap();
            answers
        };
        let answers = tokio::task::spawn_blocking(ask).await.unwrap();
        assert_eq!(answers.matches("HTTP/1.1 201 Created").count(), 4, "{answers}");
    });
}

/// HTTP/2 is never chosen, whatever a client offers (RFC 7301 §3.2; why: `docs/decisions/0002-dependencies.md`).
#[test]
fn both_listeners_choose_http_1_1() {
    in_town(listener, async |w| {
        for port in [w.http_port(), w.mtls_port()] {
            for (offered, chosen) in [
                (&["h2", "http/1.1"][..], Ok(Some("http/1.1"))),
                (&["http/1.1", "h2"], Ok(Some("http/1.1"))),
                (&["http/1.1"], Ok(Some("http/1.1"))),
                (&[], Ok(None)),
                (&["h2"], Err(rustls::AlertDescription::NoApplicationProtocol)),
                (&["h2c", "h3", "spdy/3.1"], Err(rustls::AlertDescription::NoApplicationProtocol)),
            ] {
                let shown = self_signed("corp.example");
                let ask = move || negotiated(port, &shown, offered);
                let got = tokio::task::spawn_blocking(ask).await.unwrap();
                assert_eq!(got, chosen.map(|p: Option<&str>| p.map(str::to_owned)), "{offered:?}");
            }
        }
    });
}
/// The protocol a listener chooses among those offered (ALPN), or the alert it ends the handshake with.
fn negotiated(port: u16, shown: &Shown, offered: &[&str]) -> Result<Option<String>, rustls::AlertDescription> {
    let mut config = (*tls_of(&shown.chain, &shown.key, rustls::crypto::aws_lc_rs::ALL_CIPHER_SUITES)).clone();
    config.alpn_protocols = offered.iter().map(|p| p.as_bytes().to_vec()).collect();
    let mut tls = rustls::ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    let mut tcp = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    while tls.is_handshaking() {
        if let Err(failed) = tls.complete_io(&mut tcp) {
            let cause = failed.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
            match cause {
                Some(rustls::Error::AlertReceived(alert)) => return Err(*alert),
                _ => panic!("{failed}"),
            }
        }
    }
    Ok(tls.alpn_protocol().map(|p| String::from_utf8(p.to_vec()).unwrap()))
}

/// A push for a token that nobody could have is refused before a customer walks for it.
#[test]
fn a_token_is_bound_to_one_thing() {
    in_town(listener, async |w| {
        register_corp(w, json!({})).await;
        let right = files().ca.issue("corp", "corp.example");
        let corp = app(w, "corp", showing(w, Some(&right))).with_dpop(Key::generate());
        let (_, fields) = corp.request("accounts");
        let mut fields: Vec<_> =
            fields.iter().map(|(n, v)| (*n, v.as_str())).filter(|(n, _)| *n != "client_id").collect();
        corp.post("/oauth/par", &fields, true).await.refused(400, "invalid_request");
        let jkt = Hash::of("a key").base64url();
        fields.push(("dpop_jkt", &jkt));
        corp.post("/oauth/par", &fields, false).await.refused(400, "invalid_request");
        fields.pop();
        corp.post("/oauth/par", &fields, false).await.expect(201);
    });
}

/// A certificate is public: without its key the handshake fails (RFC 8446 §4.4.3).
#[test]
fn a_certificate_without_its_key_is_worth_nothing() {
    in_town(listener, async |w| {
        let (right, thief) = (files().ca.issue("corp", "corp.example"), self_signed("corp.example"));
        for (key, let_in) in [(&right.key, true), (&thief.key, false)] {
            let (port, chain, key) = (w.mtls_port(), right.chain.clone(), key.clone());
            let got = tokio::task::spawn_blocking(move || handshake(port, &chain, &key)).await.unwrap();
            assert_eq!(got, let_in);
        }
    });
}
/// FAPI 2.0 Security Profile §5.2.2: 1.3, and of 1.2 the four suites that RFC 9325 §4.2 recommends.
#[test]
fn only_recommended_suites_are_spoken() {
    in_town(listener, async |w| {
        let suites = rustls::crypto::aws_lc_rs::ALL_CIPHER_SUITES;
        let mut spoken = Vec::new();
        for suite in suites {
            for port in [w.http_port(), w.mtls_port()] {
                let shown = self_signed("corp.example");
                let ask = move || handshake_with(port, &shown.chain, &shown.key, &[*suite]);
                if tokio::task::spawn_blocking(ask).await.unwrap() {
                    spoken.push(format!("{:?}", suite.suite()));
                }
            }
        }
        spoken.dedup();
        // Our certificate's key is ECDSA: the two suites with RSA wait for a certificate of their kind.
        let want = [
            "TLS13_AES_256_GCM_SHA384",
            "TLS13_AES_128_GCM_SHA256",
            "TLS13_CHACHA20_POLY1305_SHA256",
            "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        ];
        assert_eq!(spoken, want);
    });
}

/// Whether a request is answered on a connection that shows `chain` and signs with `key`.
fn handshake(port: u16, chain: &str, key: &str) -> bool {
    handshake_with(port, chain, key, rustls::crypto::aws_lc_rs::ALL_CIPHER_SUITES)
}
fn handshake_with(port: u16, chain: &str, key: &str, suites: &[rustls::SupportedCipherSuite]) -> bool {
    talk(port, &tls_of(chain, key, suites), "GET /healthz HTTP/1.1", "").is_some_and(|(_, status)| status == 200)
}
/// TLS as a client speaks it that shows `chain` and signs with `key`.
fn tls_of(chain: &str, key: &str, suites: &[rustls::SupportedCipherSuite]) -> Arc<rustls::ClientConfig> {
    #[derive(Debug)]
    struct Shows(Arc<rustls::sign::CertifiedKey>);
    impl rustls::client::ResolvesClientCert for Shows {
        fn resolve(&self, _: &[&[u8]], _: &[rustls::SignatureScheme]) -> Option<Arc<rustls::sign::CertifiedKey>> {
            Some(self.0.clone())
        }
        fn has_certs(&self) -> bool {
            true
        }
    }
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    provider.cipher_suites = suites.to_vec();
    let provider = Arc::new(provider);
    let chain = CertificateDer::pem_slice_iter(chain.as_bytes()).map(Result::unwrap).collect();
    let key = provider.key_provider.load_private_key(PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap()).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(files().server.as_bytes()).unwrap()).unwrap();
    let versions = match suites {
        [suite] if suite.tls13().is_none() => &[&rustls::version::TLS12][..],
        [_] => &[&rustls::version::TLS13],
        _ => rustls::DEFAULT_VERSIONS,
    };
    let shows = Arc::new(Shows(Arc::new(rustls::sign::CertifiedKey::new(chain, key))));
    let config = rustls::ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
    Arc::new(config.with_root_certificates(roots).with_client_cert_resolver(shows))
}
/// One request on a connection of its own: how the handshake went, and the status.
fn talk(port: u16, config: &Arc<rustls::ClientConfig>, line: &str, form: &str) -> Option<(HandshakeKind, u16)> {
    let mut tls = rustls::ClientConnection::new(config.clone(), "localhost".try_into().unwrap()).unwrap();
    let mut tcp = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut stream = rustls::Stream::new(&mut tls, &mut tcp);
    stream.write_all(request(line, "close", form).as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let status = std::str::from_utf8(answer.get(9..12)?).ok()?.parse().ok()?;
    Some((tls.handshake_kind()?, status))
}

fn request(line: &str, connection: &str, form: &str) -> String {
    let kind = "content-type: application/x-www-form-urlencoded";
    let length = form.len();
    format!("{line}\r\nhost: localhost\r\nconnection: {connection}\r\n{kind}\r\ncontent-length: {length}\r\n\r\n{form}")
}

/// A resumed session (RFC 8446 §2.2) asks for no certificate again: it is whose it was, and nobody's who had none.
#[test]
fn a_resumed_connection_keeps_its_certificate() {
    in_town(listener, async |w| {
        register_corp(w, json!({})).await;
        let right = files().ca.issue("corp", "corp.example");
        let (_, fields) = app(w, "corp", w.http.clone()).request("accounts");
        let form = encode(&fields);
        for suite in [cipher_suite::TLS13_AES_128_GCM_SHA256, cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256] {
            let (tls, form, port) = (tls_of(&right.chain, &right.key, &[suite]), form.clone(), w.mtls_port());
            let ask = move || [(); 2].map(|()| talk(port, &tls, "POST /oauth/par HTTP/1.1", &form).unwrap());
            let seen = tokio::task::spawn_blocking(ask).await.unwrap();
            assert_eq!(seen, [(HandshakeKind::Full, 201), (HandshakeKind::Resumed, 201)], "{suite:?}");
        }
    });
}

async fn userinfo(http: &Http, scheme: &str, token: &str) -> Answer {
    let ask = RequestParts::default().header("authorization", format!("{scheme} {token}"));
    http.send("GET", "/oauth/userinfo", ask).await
}
#[track_caller]
fn dead(answer: &Answer, scheme: &str) {
    assert_eq!(answer.status, 401, "{}", answer.body);
    let challenge = answer.header("www-authenticate").unwrap();
    assert!(challenge.starts_with(&format!("{scheme} error=\"invalid_token\"")), "{challenge}");
}

#[test]
fn a_token_is_worth_nothing_with_another_certificate() {
    in_town(listener, async |w| {
        let ca = &files().ca;
        register_corp(w, json!({})).await;
        let (first, second) = (ca.issue("corp", "corp.example"), ca.issue("corp", "corp.example"));
        let corp = app(w, "corp", showing(w, Some(&first)));
        let body = linked(w, &corp, "openid accounts offline_access").await;
        let token = body["access_token"].as_str().unwrap().to_owned();
        assert_eq!(body["token_type"], "Bearer", "RFC 8705 3");
        let seen = w.accounts_api().introspect(&token).await;
        assert_eq!((&seen["token_type"], &seen["cnf"]), (&json!("Bearer"), &json!({"x5t#S256": first.x5t()})));

        let (own, renewed) = (showing(w, Some(&first)), showing(w, Some(&second)));
        userinfo(&own, "Bearer", &token).await.expect(200);
        for (http, why) in [
            (&renewed, "the token is bound to another certificate"),
            (&showing(w, None), "the token is bound to a certificate, and the connection showed none"),
            (&w.http, "the token is bound to a certificate, and the connection showed none"),
        ] {
            let answer = userinfo(http, "Bearer", &token).await;
            dead(&answer, "Bearer");
            assert!(answer.header("www-authenticate").unwrap().contains(why), "{why}");
        }
        // At the endpoint for everybody there is no certificate: the answer says where it is shown, whoever asks.
        for id in ["corp", "creco", "nobody"] {
            let ask = [("client_id".to_owned(), id.to_owned()), ("grant_type".to_owned(), "refresh_token".to_owned())];
            let answer =
                w.http.send("POST", "/oauth/token", RequestParts::default().form(&ask)).await.expect(401).json();
            let why = "no client authentication; a client with a certificate shows it at the endpoints of mtls_endpoint_aliases";
            assert_eq!(answer, json!({"error": "invalid_client", "error_description": why}), "{id}");
        }
        dead(&userinfo(&own, "DPoP", &token).await, "DPoP");
        let form = RequestParts::default().form(&[("access_token".into(), token.clone())]);
        dead(&own.send("POST", "/oauth/userinfo", form).await, "Bearer");
        // A proof does not help: the token is not bound to its key.
        let mut dpop = app(w, "corp", own.clone());
        dpop.dpop = Some(Key::generate());
        let proof = dpop.proof("GET", &format!("{ALIAS}/oauth/userinfo"), None, Some(&token));
        let ask = RequestParts::default().header("authorization", format!("DPoP {token}")).header("dpop", proof);
        dead(&own.send("GET", "/oauth/userinfo", ask).await, "DPoP");

        // A refresh token is bound to the client, an access token to the certificate of its own request (decision 12).
        let fields = [("grant_type", "refresh_token"), ("refresh_token", body["refresh_token"].as_str().unwrap())];
        let again = app(w, "corp", renewed.clone()).post("/oauth/token", &fields, false).await.expect(200).json();
        let token = again["access_token"].as_str().unwrap();
        userinfo(&renewed, "Bearer", token).await.expect(200);
        dead(&userinfo(&own, "Bearer", token).await, "Bearer");
        let stranger = ca.issue("corp", "else.example");
        app(w, "corp", showing(w, Some(&stranger)))
            .post("/oauth/token", &fields, false)
            .await
            .refused(401, "invalid_client");
    });
}

#[test]
fn a_client_that_signs_may_bind_its_tokens_to_a_certificate() {
    in_town(listener, async |w| {
        let key = Key::generate();
        let mut jwk = key.jwk();
        jwk["kid"] = json!("signer-1");
        let record = json!({
            "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [jwk]},
            "tls_client_certificate_bound_access_tokens": true,
        });
        register(w, "signer", record).await;
        let signer = |http: Http| {
            let callback = "https://signer.example/callback";
            App::new(http, w.clock.clone(), "signer", callback, Credential::Jwt(key.clone(), "signer-1".into()))
        };
        // Anybody's: who the client is, its signature says.
        let shown = self_signed("anything.example");
        let bare = signer(showing(w, None));
        let (pending, code) = allowed(w, &bare, "accounts").await;
        bare.try_exchange(&pending, &code).await.refused(400, "invalid_request");
        signer(w.http.clone()).try_exchange(&pending, &code).await.refused(400, "invalid_request");
        // A proof is no certificate.
        let proving = signer(showing(w, Some(&shown))).with_dpop(Key::generate());
        proving.try_exchange(&pending, &code).await.refused(400, "invalid_request");
        let body = signer(showing(w, Some(&shown))).try_exchange(&pending, &code).await.expect(200).json();
        let seen = w.accounts_api().introspect(body["access_token"].as_str().unwrap()).await;
        assert_eq!(seen["cnf"], json!({"x5t#S256": shown.x5t()}), "the code was burnt by none of them");
    });
}

/// RFC 8705 §3.4: what a client did not register does not happen to it because it shows a certificate.
#[test]
fn a_certificate_binds_nobody_who_did_not_ask() {
    in_town(listener, async |w| {
        let shown = self_signed("anything.example");
        let mut kakeibo = w.kakeibo();
        kakeibo =
            App::new(showing(w, Some(&shown)), w.clock.clone(), "kakeibo", &kakeibo.redirect_uri, kakeibo.credential);
        let body = linked(w, &kakeibo, "openid accounts").await;
        let token = body["access_token"].as_str().unwrap();
        assert!(w.accounts_api().introspect(token).await.get("cnf").is_none());
        w.userinfo(token).await.expect(200);
        // And a client that authenticates by certificate may have its tokens bound to a DPoP key.
        register_corp(w, json!({"tls_client_certificate_bound_access_tokens": false})).await;
        let right = files().ca.issue("corp", "corp.example");
        let corp = app(w, "corp", showing(w, Some(&right)));
        let (pending, code) = allowed(w, &corp, "accounts").await;
        corp.try_exchange(&pending, &code).await.refused(400, "invalid_dpop_proof");
        let corp = corp.with_dpop(Key::generate());
        let body = corp.try_exchange(&pending, &code).await.expect(200).json();
        assert_eq!(body["token_type"], "DPoP");
    });
}

#[test]
fn the_aliases_are_the_endpoints() {
    in_town(listener, async |w| {
        register_corp(w, json!({})).await;
        let metadata = w.http.get("/.well-known/openid-configuration").await.expect(200).json();
        assert_eq!(metadata["tls_client_certificate_bound_access_tokens"], true);
        let methods = metadata["token_endpoint_auth_methods_supported"].as_array().unwrap();
        assert!(methods.contains(&json!("tls_client_auth")) && methods.contains(&json!("self_signed_tls_client_auth")));
        let there = showing(w, None);
        let aliases = metadata["mtls_endpoint_aliases"].as_object().unwrap();
        for name in ["token", "pushed_authorization_request", "introspection", "revocation", "userinfo"] {
            assert!(aliases.contains_key(&format!("{name}_endpoint")), "{name}");
        }
        for (name, url) in aliases {
            let path = url.as_str().unwrap().strip_prefix(ALIAS).unwrap();
            // An app asks about a grant by GET; everything else is called by POST.
            let asked = name == "grant_management_endpoint";
            let (method, ask) =
                if asked { ("GET", RequestParts::default()) } else { ("POST", RequestParts::default().form(&[])) };
            let status = there.send(method, path, ask).await.status;
            assert!(![404, 405, 421].contains(&status), "{name}: {status}");
        }

        // htu and aud as a client that reads the aliases writes them.
        let creco = w.creco();
        let fresh = || allowed(w, &creco, "accounts");
        let exchange = async |htu: &str| {
            let (pending, code) = fresh().await;
            let form: Vec<(String, String)> = [
                ("grant_type", "authorization_code"),
                ("code", &code),
                ("redirect_uri", &creco.redirect_uri),
                ("code_verifier", &pending.verifier),
                ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                ("client_assertion", &creco.assertion(|_| {})),
            ]
            .map(|(n, v)| (n.to_owned(), v.to_owned()))
            .into();
            let ask = RequestParts::default().header("dpop", creco.proof("POST", htu, None, None)).form(&form);
            there.send("POST", "/oauth/token", ask).await
        };
        exchange(&format!("{ALIAS}/oauth/token")).await.expect(200);
        exchange(&format!("{}/oauth/token", w.http.issuer)).await.expect(200);
        exchange("https://else.renkei.test/oauth/token").await.refused(400, "invalid_dpop_proof");
        let aud = async |aud: Value| {
            let form: Vec<(String, String)> = vec![
                ("token".into(), "x".into()),
                ("client_assertion_type".into(), "urn:ietf:params:oauth:client-assertion-type:jwt-bearer".into()),
                ("client_assertion".into(), creco.assertion(|claims| claims["aud"] = aud.clone())),
            ];
            there.send("POST", "/oauth/revoke", RequestParts::default().form(&form)).await.status
        };
        assert_eq!(aud(json!(w.http.issuer)).await, 200);
        assert_eq!(aud(json!(ALIAS)).await, 401, "FAPI 2.0 5.3.2.1: the issuer and nothing else");
        assert_eq!(aud(json!(format!("{ALIAS}/oauth/revoke"))).await, 401);
        // OpenID Connect clients may name the endpoint they call (Core §9), here under its other name.
        let key = Key::generate();
        let mut jwk = key.jwk();
        jwk["kid"] = json!("plain-1");
        let keys = json!({"keys": [jwk]});
        register(w, "plain", json!({"profile": "oidc", "token_endpoint_auth_method": "private_key_jwt", "jwks": keys}))
            .await;
        let plain = App::new(there.clone(), w.clock.clone(), "plain", "", Credential::Jwt(key, "plain-1".into()));
        for (aud, status) in [(format!("{ALIAS}/oauth/revoke"), 200), (format!("{ALIAS}/elsewhere"), 401)] {
            let assertion = plain.assertion(|claims| claims["aud"] = json!(aud));
            let form: Vec<(String, String)> = vec![
                ("token".into(), "x".into()),
                ("client_assertion_type".into(), "urn:ietf:params:oauth:client-assertion-type:jwt-bearer".into()),
                ("client_assertion".into(), assertion),
            ];
            assert_eq!(
                there.send("POST", "/oauth/revoke", RequestParts::default().form(&form)).await.status,
                status,
                "{aud}"
            );
        }
    });
}

#[test]
fn what_is_not_offered_is_not_said() {
    in_town(
        |_| {},
        async |w| {
            let metadata = w.http.get("/.well-known/openid-configuration").await.expect(200).json();
            assert!(metadata.get("mtls_endpoint_aliases").is_none());
            assert!(metadata.get("tls_client_certificate_bound_access_tokens").is_none());
            assert!(!metadata["token_endpoint_auth_methods_supported"].to_string().contains("tls"));
        },
    );
    in_town(
        |config| {
            listener(config);
            config.server.mtls_ca_file = None;
        },
        async |w| {
            let metadata = w.http.get("/.well-known/openid-configuration").await.expect(200).json();
            let methods = metadata["token_endpoint_auth_methods_supported"].to_string();
            assert!(methods.contains("self_signed_tls_client_auth") && !methods.contains("\"tls_client_auth\""));
        },
    );
}

/// RFC 8705 §3: a resource server asks for the certificate itself.
#[test]
fn the_account_api_wants_the_certificate_too() {
    in_town(proxied, async |w| {
        register_corp(w, json!({})).await;
        let (own, other) = (files().ca.issue("corp", "corp.example"), files().ca.issue("corp", "corp.example"));
        let corp = app(w, "corp", w.http.clone());
        let (pending, code) = allowed(w, &corp, "accounts").await;
        let form: Vec<(String, String)> = [
            ("grant_type", "authorization_code"),
            ("client_id", "corp"),
            ("code", &code),
            ("redirect_uri", &corp.redirect_uri),
            ("code_verifier", &pending.verifier),
        ]
        .map(|(n, v)| (n.to_owned(), v.to_owned()))
        .into();
        let ask = RequestParts::default().header("client-cert", own.header()).form(&form);
        let body = w.http.send("POST", "/oauth/token", ask).await.expect(200).json();
        let token = body["access_token"].as_str().unwrap();

        let mut tls = w.config().clone();
        listener(&mut tls);
        let tls = process::mutual_tls(&tls).unwrap();
        let listener = Listener::secure(([127, 0, 0, 1], 0).into(), "localhost", tls).unwrap();
        let issuer = format!("http://{}", w.address());
        let api = ApiUnderTest::behind(w, listener, issuer, wire::loopback().unwrap());
        let call = |shown: Option<&Shown>, scheme: &str, header: Option<&Shown>| {
            let pem = shown.map(Shown::pem);
            let http = Http::over_tls(api.port(), &api.http.issuer, &files().server, pem.as_deref());
            let mut ask = RequestParts::default().header("authorization", format!("{scheme} {token}"));
            if let Some(told) = header {
                ask = ask.header("client-cert", told.header());
            }
            async move { http.send("GET", "/v1/accounts", ask).await }
        };
        // Let in: the account of this grant was made up, and the bank has none such.
        call(Some(&own), "Bearer", None).await.refused(404, "not_found");
        dead(&call(Some(&other), "Bearer", None).await, "Bearer");
        dead(&call(None, "Bearer", None).await, "Bearer");
        dead(&call(Some(&own), "DPoP", None).await, "DPoP");
        dead(&call(None, "Bearer", Some(&own)).await, "Bearer");
        api.stop().await;
    });
}

/// A resource server may prove itself by a certificate as well, and introspect with it.
#[test]
fn a_resource_server_may_be_its_certificate() {
    in_town(listener, async |w| {
        let shown = self_signed("api.example");
        let record = json!({
            "client_id": "ledger", "profile": "resource_server", "client_name": "ledger", "resources": ["accounts-api"],
            "token_endpoint_auth_method": "self_signed_tls_client_auth", "jwks": {"keys": [shown.public]},
        });
        w.register(record).await;
        let body = linked(w, &w.kakeibo(), "accounts").await;
        let token = body["access_token"].as_str().unwrap();
        assert_eq!(app(w, "ledger", showing(w, Some(&shown))).introspect(token).await["active"], true);
        let thief = app(w, "ledger", showing(w, Some(&self_signed("api.example"))));
        thief.post("/oauth/introspect", &[("token", token)], false).await.refused(401, "invalid_client");
    });
}

/// RFC 9440: what a proxy saw. Here everybody stands at 127.0.0.1, and the configuration says whether that is a proxy.
#[test]
fn a_proxy_tells_the_certificate() {
    let right = files().ca.under_middle("corp", "corp.example");
    let chain = CertificateDer::pem_slice_iter(right.chain.as_bytes()).map(Result::unwrap);
    let rest: Vec<_> = chain.skip(1).map(|c| format!(":{}:", STANDARD.encode(c))).collect();
    let other = files().ca.issue("corp", "corp.example");
    let good = vec![("client-cert", right.header()), ("client-cert-chain", rest.join(", "))];
    let ask = |w: &Town, headers: &[(&str, String)]| {
        let (_, fields) = app(w, "corp", w.http.clone()).request("accounts");
        let form: Vec<_> = fields.into_iter().map(|(n, v)| (n.to_owned(), v)).collect();
        let ask = headers.iter().fold(RequestParts::default(), |ask, (name, value)| ask.header(name, value.clone()));
        let (http, ask) = (w.http.clone(), ask.form(&form));
        async move { http.send("POST", "/oauth/par", ask).await.status }
    };
    in_town(proxied, async |w| {
        register_corp(w, json!({})).await;
        let bare = STANDARD.encode(&right.der);
        for (headers, status, why) in [
            (good.clone(), 201, "as the proxy sends it"),
            (vec![("client-cert", other.header())], 201, "without a chain"),
            (vec![], 401, "no header"),
            (vec![("client-cert", right.header())], 401, "the chain does not reach an authority"),
            (vec![("client-cert", bare)], 401, "not a byte sequence"),
            (vec![("client-cert", "::".into())], 401, "nothing"),
            (vec![("client-cert", format!(":{}:", STANDARD.encode([0; 64])))], 401, "no certificate"),
            (vec![("client-cert", other.header()), ("client-cert", other.header())], 401, "two"),
            (vec![("client-cert", format!("{}, {}", other.header(), other.header()))], 401, "a list"),
            (vec![("client-cert", self_signed("corp.example").header())], 401, "nobody vouches for it"),
        ] {
            assert_eq!(ask(w, &headers).await, status, "{why}");
        }

        let corp = app(w, "corp", w.http.clone());
        let (pending, code) = allowed(w, &corp, "openid accounts").await;
        let form: Vec<(String, String)> = [
            ("grant_type", "authorization_code"),
            ("client_id", "corp"),
            ("code", &code),
            ("redirect_uri", &corp.redirect_uri),
            ("code_verifier", &pending.verifier),
        ]
        .map(|(n, v)| (n.to_owned(), v.to_owned()))
        .into();
        let ask = RequestParts::default().header("client-cert", other.header()).form(&form);
        let body = w.http.send("POST", "/oauth/token", ask).await.expect(200).json();
        let token = body["access_token"].as_str().unwrap();
        assert_eq!(w.accounts_api().introspect(token).await["cnf"], json!({"x5t#S256": other.x5t()}));
        let with = |shown: &Shown| {
            let ask = RequestParts::default().header("authorization", format!("Bearer {token}"));
            let (http, ask) = (w.http.clone(), ask.header("client-cert", shown.header()));
            async move { http.send("GET", "/oauth/userinfo", ask).await }
        };
        with(&other).await.expect(200);
        dead(&with(&right).await, "Bearer");
        dead(&w.userinfo(token).await, "Bearer");

        let metadata = w.http.get("/.well-known/openid-configuration").await.expect(200).json();
        assert_eq!(metadata["tls_client_certificate_bound_access_tokens"], true);
        assert!(metadata.get("mtls_endpoint_aliases").is_none(), "the proxy asks at the endpoints themselves");
    });
    // The same request from an address that is no proxy of ours.
    let elsewhere = |config: &mut Config| {
        proxied(config);
        config.server.trusted_proxies = vec!["192.0.2.1".into()];
    };
    in_town(elsewhere, async |w| {
        register_corp(w, json!({})).await;
        assert_eq!(ask(w, &good).await, 401, "anybody can write a header");
    });
}
