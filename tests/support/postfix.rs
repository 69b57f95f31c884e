//! A Postfix of the tests' own, from Debian's package: one instance for the whole run, in a temporary folder, on free
//! ports, gone with the test process however that ends. The system's own Postfix, its configuration and its queue are not
//! touched. Where the package is missing the tests fail; none is skipped.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Makes the instance and keeps it until its standard input closes, which the kernel does for a process that died too.
/// Postfix puts off what it refuses until the recipient is named (`smtpd_delay_reject`, its default): so do most relays.
const KEEPER: &str = r#"
set -eu
export PATH="/usr/sbin:/usr/bin:/sbin:/bin"
umask 022
dir=$(mktemp -d /tmp/renkei-postfix-XXXXXX)
trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir"
mkdir "$dir/etc" "$dir/queue" "$dir/data" "$dir/mail"
chown postfix "$dir/data"
chown nobody:nogroup "$dir/mail"
(umask 077; printf '%s' "$CHAIN" >"$dir/etc/chain.pem")
printf '/^known-[0-9]+@customers\\.test$/ all/\n' >"$dir/etc/boxes"
cat >"$dir/etc/main.cf" <<END
compatibility_level = 3.6
queue_directory = $dir/queue
data_directory = $dir/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
maillog_file = $dir/log
maillog_file_prefixes = $dir
inet_interfaces = loopback-only
inet_protocols = ipv4
myhostname = relay.test
mydestination =
mynetworks =
alias_maps =
local_recipient_maps =
virtual_mailbox_domains = customers.test
virtual_mailbox_maps = regexp:$dir/etc/boxes
virtual_mailbox_base = $dir/mail
virtual_uid_maps = static:$(id -u nobody)
virtual_gid_maps = static:$(id -g nobody)
virtual_alias_maps =
smtpd_tls_chain_files = $dir/etc/chain.pem
smtpd_helo_required = yes
smtpd_helo_restrictions = reject_non_fqdn_helo_hostname
smtpd_sender_restrictions = check_sender_access inline:{ {refused@bank.test=REJECT} }
smtpd_relay_restrictions = reject_unauth_destination
smtpd_error_sleep_time = 0
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
END
cat >"$dir/etc/master.cf" <<END
127.0.0.1:$PORT inet n - n - - smtpd -o smtpd_tls_security_level=encrypt
127.0.0.1:$IMPLICIT inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
127.0.0.1:$PLAIN inet n - n - - smtpd -o smtpd_tls_security_level=none
postlog unix-dgram n - n - 1 postlogd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
proxymap unix - - n - - proxymap
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
error unix - - n - - error
retry unix - - n - - error
END
postfix -c "$dir/etc" start >"$dir/out" 2>&1
echo "$dir"
cat >/dev/null
postfix -c "$dir/etc" stop >/dev/null 2>&1 || true
"#;

/// The instance.
pub(crate) struct Postfix {
    /// Wants STARTTLS before anything else.
    pub starttls: u16,
    /// TLS from the first byte.
    pub implicit: u16,
    /// No TLS at all.
    pub plain: u16,
    /// The authority behind its certificate, which is for `localhost`.
    pub ca: String,
    dir: PathBuf,
    /// Holds the keeper's standard input open.
    _keeper: Child,
}

/// The instance of this run; the first call makes it.
pub(crate) fn postfix() -> &'static Postfix {
    static POSTFIX: OnceLock<Postfix> = OnceLock::new();
    POSTFIX.get_or_init(|| {
        let installed = std::path::Path::new("/usr/sbin/postfix").exists();
        assert!(installed, "Postfix is not installed: tests/run installs it (Debian: postfix)");
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let cert = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &ca).unwrap();
        let port = super::ports::free(3);
        // Its master wants to be root; its parts then run as users of Debian's package.
        let root = std::fs::metadata("/proc/self").unwrap();
        let root = std::os::unix::fs::MetadataExt::uid(&root) == 0;
        let mut keeper = Command::new(if root { "env" } else { "sudo" });
        if !root {
            keeper.args(["-n", "env"]);
        }
        keeper.arg(format!("CHAIN={}{}", key.serialize_pem(), cert.pem()));
        for (name, port) in [("PORT", port), ("IMPLICIT", port + 1), ("PLAIN", port + 2)] {
            keeper.arg(format!("{name}={port}"));
        }
        keeper.args(["sh", "-c", KEEPER]).stdin(Stdio::piped()).stdout(Stdio::piped()).current_dir("/");
        let mut keeper = keeper.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "Postfix does not start");
        let (starttls, implicit, plain) = (port, port + 1, port + 2);
        Postfix { starttls, implicit, plain, ca: ca.pem(), dir: line.trim().into(), _keeper: keeper }
    })
}

impl Postfix {
    /// A mailbox that nobody else uses.
    pub(crate) fn mailbox(&self) -> String {
        static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        format!("known-{}@customers.test", NEXT.fetch_add(1, std::sync::atomic::Ordering::SeqCst))
    }
    /// What was delivered to it, once at least `least` mails were.
    pub(crate) fn mails(&self, mailbox: &str, least: usize) -> Vec<String> {
        let folder = self.dir.join("mail/all/new");
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let files = std::fs::read_dir(&folder).into_iter().flatten().flatten();
            let mails = files.map(|file| std::fs::read_to_string(file.path()).unwrap());
            let mails: Vec<_> = mails.filter(|mail| mail.contains(&format!("Delivered-To: {mailbox}\n"))).collect();
            if mails.len() >= least {
                return mails;
            }
            let log = || std::fs::read_to_string(self.dir.join("log")).unwrap_or_default();
            assert!(Instant::now() < until, "{mailbox} has {} of {least} mails: {}", mails.len(), log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
