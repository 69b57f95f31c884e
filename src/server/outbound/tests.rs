//! Tables of addresses, and a server with wrong responses.

use super::*;
use std::net::IpAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[test]
fn the_world_and_what_is_not() {
    let settings = Settings::default();
    for (ip, reachable) in [
        ("8.8.8.8", true),
        ("203.104.1.1", true),
        ("2400:4050::1", true),
        ("0.0.0.0", false),
        ("0.1.2.3", false),
        ("10.0.0.1", false),
        ("100.64.0.1", false),
        ("100.128.0.1", true),
        ("127.0.0.1", false),
        ("127.255.255.254", false),
        ("169.254.169.254", false),
        ("172.16.0.1", false),
        ("172.32.0.1", true),
        ("192.0.0.8", false),
        ("192.0.2.1", false),
        ("192.168.1.1", false),
        ("198.18.0.1", false),
        ("198.51.100.1", false),
        ("203.0.113.1", false),
        ("224.0.0.1", false),
        ("255.255.255.255", false),
        ("::", false),
        ("::1", false),
        ("::ffff:127.0.0.1", false),
        ("::ffff:8.8.8.8", true),
        ("64:ff9b::7f00:1", false),
        ("64:ff9b::808:808", true),
        ("2001::1", false),
        ("2001:db8::1", false),
        ("2002:7f00:1::", false),
        ("fc00::1", false),
        ("fd12::1", false),
        ("fe80::1", false),
        ("fec0::1", false),
        ("ff02::1", false),
    ] {
        let ip: IpAddr = ip.parse().unwrap();
        assert_eq!(address::may_reach(ip, &settings), reachable, "{ip}");
    }
}

/// A server that sends `answer` to every connection and closes it.
async fn server(answer: Vec<u8>) -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut seen = vec![0; 4096];
            let _ = socket.read(&mut seen).await;
            let _ = socket.write_all(&answer).await;
        }
    });
    port
}

#[tokio::test]
async fn addresses_written_out_or_resolved_are_refused_alike() {
    let port = server(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".to_vec()).await;
    let strict = Outbound::new(Settings::default()).unwrap();
    for host in ["127.0.0.1", "[::1]", "0x7f.1", "2130706433", "169.254.169.254", "[::ffff:10.0.0.1]", "localhost"] {
        let got = strict.get_json(&format!("https://{host}:{port}/")).await;
        assert_eq!(got, Err(Error::Refused("inside our own network")), "{host}");
    }
    for url in ["http://example.jp/", "ftp://example.jp/", "file:///etc/passwd", "nonsense"] {
        assert!(matches!(strict.get_json(url).await, Err(Error::Refused(_))), "{url}");
    }
    let loopback = Outbound::loopback().unwrap();
    for host in ["127.0.0.1", "localhost"] {
        assert_eq!(loopback.get_json(&format!("http://{host}:{port}/")).await, Ok(serde_json::json!({})), "{host}");
    }
    let outside = loopback.get_json("http://192.0.2.1/").await;
    assert_eq!(outside, Err(Error::Refused("inside our own network")));
}

/// `outbound.timeout` is one of them.
#[tokio::test]
async fn bounds() {
    let small = Settings {
        networks: Network::loopback(),
        plain_http: true,
        timeout: Duration::from_millis(300),
        most_bytes: 1000,
        ..Settings::default()
    };
    let client = Outbound::new(small).unwrap();
    let get = |port: u16| client.get_json_owned(format!("http://127.0.0.1:{port}/"));
    let said = server(b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n".to_vec()).await;
    assert_eq!(get(said).await, Err(Error::TooLarge), "says so");
    let endless = [b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".to_vec(), vec![b' '; 5000]].concat();
    assert_eq!(get(server(endless).await).await, Err(Error::TooLarge), "does so");
    let moved = server(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n".to_vec());
    assert_eq!(get(moved.await).await, Err(Error::Status(302)), "redirect");
    let text = server(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc".to_vec()).await;
    assert_eq!(get(text).await, Err(Error::NotJson));
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    assert_eq!(get(port).await, Err(Error::Transport("it took too long".into())));
}

impl Outbound {
    async fn get_json_owned(&self, url: String) -> Result<Value, Error> {
        Self::get_json(self, &url).await
    }
}

/// A server that keeps its connections open, as most do.
async fn patient() -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut seen = vec![0; 4096];
                while socket.read(&mut seen).await.is_ok_and(|n| n > 0) {
                    let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
                }
            });
        }
    });
    port
}

/// A connection into a private network is not reused by a client that may not go there: neither by address nor by name,
/// where a connection pool would skip the look-up.
#[tokio::test]
async fn networks_named_for_one_open_nothing_for_others() {
    let strict = Outbound::new(Settings { plain_http: true, ..Settings::default() }).unwrap();
    let elsewhere = strict.reaching(&Network::list(&["10.0.0.0/8".into()]).unwrap()).unwrap();
    let allowed = strict.reaching(&Network::loopback()).unwrap();
    for host in ["127.0.0.1", "localhost"] {
        let url = format!("http://{host}:{}/", patient().await);
        for _ in 0..2 {
            assert_eq!(allowed.get_json(&url).await, Ok(serde_json::json!({})), "{host}");
            assert_eq!(strict.get_json(&url).await, Err(Error::Refused("inside our own network")), "{host}");
            assert_eq!(elsewhere.get_json(&url).await, Err(Error::Refused("inside our own network")), "{host}");
        }
    }
    // The demo's client reaches only this machine, whatever a record allows.
    let demo = Outbound::loopback().unwrap().reaching(&Network::list(&["192.0.2.0/24".into()]).unwrap()).unwrap();
    assert_eq!(demo.get_json("http://192.0.2.1/").await, Err(Error::Refused("inside our own network")));
}
