//! What the suite tries at the listeners themselves (RFC 9325, FAPI 2.0 Security Profile §5.2): old versions, weak
//! suites. Our own TLS library does not offer them, so the hellos are written by hand.

use crate::support::town::{Engine, Town, run};
use std::io::{Read, Write};
use std::net::TcpStream;

/// RFC 9325 §4.2, with the ChaCha20 suites the registry recommends beside them.
const GOOD: [u16; 6] = [0xc02b, 0xc02c, 0xc02f, 0xc030, 0xcca8, 0xcca9];
/// RSA key exchange, CBC, finite-field Diffie-Hellman, nothing at all.
const WEAK: [u16; 15] = [
    0x0000, 0x000a, 0x002f, 0x0035, 0x003c, 0x0067, 0x009c, 0x009d, 0x009e, 0x009f, 0xc009, 0xc013, 0xc014, 0xc023,
    0xc027,
];

/// How a server answers a hello.
#[derive(Debug, PartialEq)]
enum Reply {
    /// With an alert (RFC 8446 §6.2).
    Alert(u8),
    /// With a version and a suite.
    Hello(u16, u16),
}

fn field(value: u16) -> [u8; 2] {
    value.to_be_bytes()
}
fn sized(body: &[u8]) -> Vec<u8> {
    [&field(u16::try_from(body.len()).unwrap())[..], body].concat()
}
fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    [&field(kind)[..], &sized(body)].concat()
}

/// A ClientHello (RFC 5246 §7.4.1.2), with TLS 1.3 offered too where `newest`.
fn hello(version: u16, suites: &[u16], newest: bool) -> Vec<u8> {
    let suites: Vec<u8> = suites.iter().flat_map(|s| field(*s)).collect();
    let name = [&[0][..], &sized(b"localhost")].concat();
    let mut extensions = [
        extension(0, &sized(&name)),
        extension(10, &sized(&[0, 29, 0, 23])),
        extension(11, &[1, 0]),
        extension(13, &sized(&[8, 4, 4, 3, 4, 1])),
    ]
    .concat();
    if newest {
        extensions.extend(extension(43, &[4, 3, 4, 3, 3]));
        extensions.extend(extension(51, &sized(&[&[0, 29][..], &sized(&[9; 32])].concat())));
    }
    let body = [&field(version)[..], &[7; 32], &[0], &sized(&suites), &[1, 0], &sized(&extensions)].concat();
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    let message = [&[1][..], &length[1..], &body].concat();
    [&[22, 3, 1][..], &sized(&message)].concat()
}

fn say(port: u16, hello: &[u8]) -> Reply {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(std::time::Duration::from_secs(10))).unwrap();
    stream.write_all(hello).unwrap();
    let mut head = [0; 5];
    stream.read_exact(&mut head).expect("an answer, not a broken connection");
    let mut body = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
    stream.read_exact(&mut body).unwrap();
    if head[0] == 21 {
        return Reply::Alert(body[1]);
    }
    assert_eq!((head[0], body[0]), (22, 2), "a ServerHello");
    let rest = &body[39 + usize::from(body[38])..];
    let third = rest.windows(6).any(|w| w == [0, 43, 0, 2, 3, 4]);
    let version = if third { 0x0304 } else { u16::from_be_bytes([body[4], body[5]]) };
    Reply::Hello(version, u16::from_be_bytes([rest[0], rest[1]]))
}

#[test]
fn only_versions_and_suites_of_the_best_current_practice() {
    let dir = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(dir.path().join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(dir.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    std::fs::set_permissions(dir.path().join("key.pem"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let at = |name: &str| Some(dir.path().join(name));
    let listeners = |config: &mut renkei_server::config::Config| {
        (config.server.tls_cert_file, config.server.tls_key_file) = (at("cert.pem"), at("key.pem"));
        config.server.mtls_listen = vec!["127.0.0.1:0".parse().unwrap()];
        config.server.mtls_base_url = Some("https://mtls.renkei.test".into());
    };
    run(Engine::Sqlite, listeners, async |w: &Town| {
        for port in [w.http_port(), w.mtls_port()] {
            let ask = async |version: u16, suites: Vec<u16>, newest: bool| {
                let hello = hello(version, &suites, newest);
                tokio::task::spawn_blocking(move || say(port, &hello)).await.unwrap()
            };
            let everything = || [&GOOD[..], &WEAK].concat();
            for old in [0x0301, 0x0302] {
                let Reply::Alert(alert) = ask(old, everything(), false).await else { panic!("TLS 1.0 or 1.1") };
                assert!([40, 70].contains(&alert), "handshake_failure or protocol_version: {alert}");
            }
            assert_eq!(ask(0x0303, WEAK.to_vec(), false).await, Reply::Alert(40), "handshake_failure");
            let Reply::Hello(version, suite) = ask(0x0303, everything(), false).await else { panic!("TLS 1.2") };
            assert!(version == 0x0303 && GOOD.contains(&suite), "{version:x} {suite:x}");
            let newest = ask(0x0303, [&[0x1301, 0x1302][..], &everything()].concat(), true).await;
            assert!(matches!(newest, Reply::Hello(0x0304, 0x1301 | 0x1302)), "TLS 1.3 first: {newest:?}");
        }
    });
}
