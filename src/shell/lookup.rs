//! nslookup: names asked of the DNS.
//!
//! Stands for BIND's nslookup 9.18. A pod asks CoreDNS through the kube-dns Service and tries its search domains; a node and the laptop ask
//! resolvers of their own, which know nothing of the cluster.

use super::{Io, Shell};
use crate::net::{Zone, candidates};
use crate::object::{Kind, Ref, Service};
use crate::time::Duration;
use crate::trace::{OutcomeKind, Place, Request};

/// `nslookup NAME [SERVER]`
pub(super) fn nslookup(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    let words: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    let Some(name) = words.first() else {
        io.err("Usage: nslookup [-type=TYPE] HOST [SERVER]\n");
        return 1;
    };
    let dns = shell.cluster.store().get(&Ref::new(Kind::Service, "kube-system", "kube-dns"));
    let dns = dns.and_then(|dns| dns.body::<Service>()).map(|dns| dns.spec.cluster_ip.clone()).unwrap_or_default();
    let place = shell.terminal.place().clone();
    let server = match (words.get(1), &place) {
        (Some(server), _) => (*server).clone(),
        (None, Place::Pod(..)) => dns.clone(),
        (None, Place::Node(_)) => "192.168.49.1".into(),
        (None, _) => "127.0.0.53".into(),
    };
    if server == dns {
        let request = Request { protocol: "udp".into(), url: format!("{server}:53").into(), ..Request::default() };
        let (trace, _) = shell.request(io, &request, Duration::from_secs(15));
        if trace.outcome.kind != OutcomeKind::Answered {
            io.out(";; connection timed out; no servers could be reached\n\n");
            return 1;
        }
    }
    io.out(format!("Server:\t\t{server}\nAddress:\t{server}#53\n\n"));
    let names = match &place {
        Place::Pod(namespace, _) => candidates(name, namespace),
        _ => vec![(*name).clone()],
    };
    let zone = Zone::read(shell.cluster.store());
    for whole in names.iter().filter(|_| server == dns) {
        match zone.addresses(whole) {
            Ok(addresses) if !addresses.is_empty() => {
                let shown = match zone.alias(whole) {
                    Some(alias) => {
                        io.out(format!("{whole}\tcanonical name = {alias}\n"));
                        alias.trim_end_matches('.').to_owned()
                    }
                    None => whole.clone(),
                };
                for address in addresses {
                    io.out(format!("Name:\t{shown}\nAddress: {address}\n"));
                }
                io.out("\n");
                return 0;
            }
            _ => {}
        }
    }
    io.out(format!("** server can't find {name}: NXDOMAIN\n\n"));
    1
}
