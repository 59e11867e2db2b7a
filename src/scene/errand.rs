//! What packets are under way for, and which of those the reader wants to see.

use crate::lang::Lang;
use crate::trace::{Action, By, Trace};

/// What a packet is under way for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Errand {
    /// It carries a client's request.
    #[default]
    Request,
    /// It carries an answer back.
    Reply,
    /// A controller asks the next replica, because the one before failed it.
    Retry,
    /// It asks for a name, or answers that.
    Name,
    /// A kubelet looks after a pod.
    Probe,
    /// A cloud's load balancer looks after a node.
    Check,
}

impl Errand {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Request, Self::Reply, Self::Retry, Self::Name, Self::Probe, Self::Check];

    /// Its name, in the plural.
    pub fn name(self, lang: Lang) -> &'static str {
        match self {
            Self::Request => lang.pick("requests", "请求"),
            Self::Reply => lang.pick("replies", "应答"),
            Self::Retry => lang.pick("retries", "重试"),
            Self::Name => lang.pick("DNS", "DNS"),
            Self::Probe => lang.pick("probes", "探针"),
            Self::Check => lang.pick("health checks", "健康检查"),
        }
    }

    /// Who sends it, in a few words.
    pub fn whose(self, lang: Lang) -> &'static str {
        match self {
            Self::Request => lang.pick("from clients, and from controllers to pods", "客户端发出，以及控制器发往 Pod"),
            Self::Reply => lang.pick("back to whoever asked", "回到发问的一方"),
            Self::Retry => lang.pick("a controller asks the next pod", "控制器改问下一个 Pod"),
            Self::Name => lang.pick("names asked of CoreDNS", "向 CoreDNS 查询域名"),
            Self::Probe => lang.pick("from the kubelet to its pods", "kubelet 发往本节点的 Pod"),
            Self::Check => lang.pick("from the cloud's balancer to nodes", "云负载均衡器发往节点"),
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of errands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Errands(u8);

impl Errands {
    /// What is not shown until the reader asks for it: what comes again and again by itself.
    pub const QUIET: Self = Self(Errand::Probe.bit() | Errand::Check.bit());

    /// Whether one of them is in the set.
    pub const fn has(self, errand: Errand) -> bool {
        self.0 & errand.bit() != 0
    }

    /// The set with one of them put in or taken out.
    #[must_use]
    pub const fn set(self, errand: Errand, on: bool) -> Self {
        Self(if on { self.0 | errand.bit() } else { self.0 & !errand.bit() })
    }

    /// The set as a number, to be kept.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// The set of [`Errands::number`]; bits that mean nothing are left out.
    pub const fn from_number(number: u8) -> Self {
        Self(number & 0b11_1111)
    }
}

/// The exchanges of a trace in which a controller asks another replica than the first.
pub(super) fn is_retry(trace: &Trace, exchange: u16, own: u16) -> bool {
    let asks = |e: u16| {
        trace.hops.iter().any(|hop| hop.exchange == e && hop.by == By::Ingress && hop.action == Action::Connect)
    };
    exchange > own && asks(exchange) && (own + 1..exchange).any(asks)
}

/// How many packets of each errand some traces hold, in the order of [`Errand::ALL`]: an exchange counts once in each direction.
pub fn counts<'a>(traces: impl IntoIterator<Item = &'a Trace>) -> [usize; 4] {
    let mut counts = [0; 4];
    for trace in traces {
        let own = super::inspect::own_exchange(trace);
        let mut last = None;
        for hop in &trace.hops {
            // A controller's answer to its client belongs to the exchange that the client began.
            if last == Some((hop.exchange, hop.reply)) {
                continue;
            }
            last = Some((hop.exchange, hop.reply));
            let errand = match () {
                () if hop.exchange < own => Errand::Name,
                () if hop.reply => Errand::Reply,
                () if is_retry(trace, hop.exchange, own) => Errand::Retry,
                () => Errand::Request,
            };
            counts[errand as usize] += 1;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::fixture;

    #[test]
    fn a_set_keeps_what_is_put_in() {
        let all = Errand::ALL.into_iter().fold(Errands::default(), |set, errand| set.set(errand, true));
        assert_eq!(Errands::from_number(all.number()), all);
        assert_eq!(Errands::from_number(0xff), all);
        let some = all.set(Errand::Name, false);
        assert!(!some.has(Errand::Name) && some.has(Errand::Check));
        assert!(Errands::QUIET.has(Errand::Probe) && !Errands::QUIET.has(Errand::Request));
    }

    #[test]
    fn packets_are_counted_by_what_they_are_for() {
        let plain = [fixture::answered(1), fixture::lost(2)];
        assert_eq!(counts(&plain), [2, 1, 0, 0]);
        // To the controller, from there to a replica; both answer.
        let [requests, replies, retries, names] = counts([&fixture::routed(1)]);
        assert_eq!([requests, replies, retries, names], [2, 2, 0, 0]);
        // The refusal that came first is an answer, too.
        assert_eq!(counts([&fixture::retried(1)]), [2, 3, 1, 0]);
    }
}
