//! What is counted in memory: by network, and the interactions that have not passed ②.

use super::limiter::NetworkLimiter;
use super::network::BrowserNetwork;
use super::policy::IdentityPolicy;
use super::unfinished::Unfinished;
use crate::clock::Instant;
use std::sync::Arc;

/// The counters of this node.
pub(super) struct Limits {
    pub(super) starts: NetworkLimiter,
    pub(super) customer_posts: NetworkLimiter,
    unknown_accounts: NetworkLimiter,
    wrong_customers: NetworkLimiter,
    pub(super) unfinished: Unfinished,
}

impl Limits {
    pub(super) fn new(policy: &IdentityPolicy) -> Self {
        let limiter = |limit| NetworkLimiter::new(policy.by_network.then_some(limit));
        Self {
            starts: limiter(policy.starts),
            customer_posts: limiter(policy.customer_posts),
            unknown_accounts: limiter(policy.network_unknown_accounts),
            wrong_customers: limiter(policy.network_wrong_customers),
            unfinished: Unfinished::default(),
        }
    }
    /// Their memory in bytes; it does not grow with the number of networks.
    pub(super) fn bytes(&self) -> usize {
        let all = [&self.starts, &self.customer_posts, &self.unknown_accounts, &self.wrong_customers];
        all.into_iter().map(NetworkLimiter::bytes).sum()
    }
    /// Checks a network's limits at ②: posts, and the two answers that reveal something about accounts (G3). Counts
    /// the post.
    ///
    /// # Errors
    /// When it may post again.
    pub(super) fn admit_customer(&self, network: BrowserNetwork, now: Instant) -> Result<(), Instant> {
        self.unknown_accounts.check(network, now)?;
        self.wrong_customers.check(network, now)?;
        self.customer_posts.admit(network, now)
    }
    /// Counts both answers before the core bank is asked. Otherwise a network could send sixty posts at once, before
    /// the first answer is counted, and get all the answers. `None`: with the posts under way the network is at its
    /// limit.
    pub(super) fn expect(self: &Arc<Self>, network: BrowserNetwork, now: Instant) -> Option<Expected> {
        self.unknown_accounts.admit(network, now).ok()?;
        let mut expected =
            Expected { limits: Arc::clone(self), network, now, unknown_account: true, wrong_customer: false };
        self.wrong_customers.admit(network, now).ok()?;
        expected.wrong_customer = true;
        Some(expected)
    }
}

/// The two answers of ② as they were counted in advance. On drop, the one that did not come is taken back.
pub(super) struct Expected {
    limits: Arc<Limits>,
    network: BrowserNetwork,
    now: Instant,
    unknown_account: bool,
    wrong_customer: bool,
}
impl Expected {
    /// The answer is R30: it stays counted.
    pub(super) fn unknown_account(&mut self) {
        self.unknown_account = false;
    }
    /// The answer is R31: it stays counted.
    pub(super) fn wrong_customer(&mut self) {
        self.wrong_customer = false;
    }
}
impl Drop for Expected {
    fn drop(&mut self) {
        if self.unknown_account {
            self.limits.unknown_accounts.take_back(self.network, self.now);
        }
        if self.wrong_customer {
            self.limits.wrong_customers.take_back(self.network, self.now);
        }
    }
}
