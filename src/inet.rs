//! Addresses, ranges of them, and pools of free ones.

use std::collections::BTreeSet;
pub use std::net::{IpAddr, Ipv4Addr};

pub use ipnet::Ipv4Net;

/// Whether a range has an address: [`Ipv4Net::contains`] for where every packet asks it, as numbers rather than octets.
pub fn within(range: &Ipv4Net, ip: Ipv4Addr) -> bool {
    let differs = u32::from(range.addr()) ^ u32::from(ip);
    differs.checked_shr(32 - u32::from(range.prefix_len())).unwrap_or(0) == 0
}

/// Hands out the addresses of a range in order, lowest first, never one that is taken.
///
/// Stands for the host-local IPAM of the CNI plugins. It goes on from the last one given, so that a freed address is not
/// given again at once, as there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    range: Ipv4Net,
    next: u32,
    taken: BTreeSet<u32>,
}

impl Pool {
    /// The pool of a range; the network address, the first host (the bridge) and the broadcast address are never given.
    pub fn new(range: Ipv4Net) -> Self {
        Self { range, next: u32::from(range.network()) + 2, taken: BTreeSet::new() }
    }

    /// The range.
    pub fn range(&self) -> Ipv4Net {
        self.range
    }

    /// The next free address, if there is one.
    pub fn take(&mut self) -> Option<Ipv4Addr> {
        let (first, last) = (u32::from(self.range.network()) + 2, u32::from(self.range.broadcast()).checked_sub(1)?);
        if first > last {
            return None;
        }
        let size = last - first + 1;
        let start = self.next.clamp(first, last) - first;
        let free = (0..size).map(|i| first + (start + i) % size).find(|a| !self.taken.contains(a))?;
        self.taken.insert(free);
        self.next = if free == last { first } else { free + 1 };
        Some(Ipv4Addr::from(free))
    }

    /// Takes a certain address; false if it is taken, or none of the pool's.
    pub fn claim(&mut self, address: Ipv4Addr) -> bool {
        let (first, last) = (u32::from(self.range.network()) + 2, u32::from(self.range.broadcast()).saturating_sub(1));
        (first..=last).contains(&u32::from(address)) && self.taken.insert(u32::from(address))
    }

    /// Gives an address back.
    pub fn release(&mut self, address: Ipv4Addr) {
        self.taken.remove(&u32::from(address));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn within_says_what_contains_says() {
        for range in ["0.0.0.0/0", "10.244.0.0/16", "10.244.1.7/32", "10.244.1.128/25", "128.0.0.0/1"] {
            let range: Ipv4Net = range.parse().unwrap();
            for ip in ["0.0.0.0", "10.243.255.255", "10.244.1.7", "10.244.1.8", "10.244.1.200", "255.255.255.255"] {
                let ip = ip.parse().unwrap();
                assert_eq!(within(&range, ip), range.contains(&ip), "{range} {ip}");
            }
        }
    }

    #[test]
    fn a_full_pool_gives_nothing_and_a_freed_address_comes_back() {
        let mut pool = Pool::new("10.0.0.0/29".parse().unwrap());
        let all: Vec<_> = std::iter::from_fn(|| pool.take()).collect();
        assert_eq!(all.len(), 5);
        assert_eq!(all[0], Ipv4Addr::new(10, 0, 0, 2));
        pool.release(all[2]);
        assert_eq!(pool.take(), Some(all[2]));
        assert_eq!(pool.take(), None);
    }
}
