//! Endpoints and EndpointSlice: `ValidateEndpoints` and `pkg/apis/discovery/validation/validation.go`.

use std::collections::BTreeSet;

use super::{service, words};
use crate::api::Cause;
use crate::api::status::quoted;
use crate::object::{Endpoint, EndpointAddress, EndpointPort, EndpointSlice, Endpoints};

fn label(at: &str, value: &str, causes: &mut Vec<Cause>) {
    causes.extend(words::dns_label(value).into_iter().map(|message| Cause::invalid(at, quoted(value), message)));
}

fn node_name(at: &str, name: Option<&String>, causes: &mut Vec<Cause>) {
    let Some(name) = name else { return };
    causes.extend(words::dns_subdomain(name).into_iter().map(|message| Cause::invalid(at, quoted(name), message)));
}

/// The rules of Endpoints; `old` is what they were.
pub(super) fn endpoints(endpoints: &Endpoints, old: Option<&Endpoints>, causes: &mut Vec<Cause>) {
    let was = old.into_iter().flat_map(|old| &old.subsets);
    let was: Vec<&EndpointAddress> = was.flat_map(|s| s.addresses.iter().chain(&s.not_ready_addresses)).collect();
    for (i, subset) in endpoints.subsets.iter().enumerate() {
        let at = format!("subsets[{i}]");
        if subset.addresses.is_empty() && subset.not_ready_addresses.is_empty() {
            causes.push(Cause::required(&at, "must specify `addresses` or `notReadyAddresses`"));
        }
        for (list, of) in [("addresses", &subset.addresses), ("notReadyAddresses", &subset.not_ready_addresses)] {
            for (j, one) in of.iter().enumerate() {
                address(&format!("{at}.{list}[{j}]"), one, &was, causes);
            }
        }
        for (j, port) in subset.ports.iter().enumerate() {
            let at = format!("{at}.ports[{j}]");
            if !port.name.is_empty() {
                label(&format!("{at}.name"), &port.name, causes);
            } else if subset.ports.len() > 1 {
                causes.push(Cause::required(format!("{at}.name"), ""));
            }
            let number = port.port.unwrap_or(0);
            if let Some(why) = words::port_number(number) {
                causes.push(Cause::invalid(format!("{at}.port"), number, why));
            }
            port_rest(&at, port, causes);
        }
    }
}

fn address(at: &str, address: &EndpointAddress, was: &[&EndpointAddress], causes: &mut Vec<Cause>) {
    let before = causes.len();
    if let Some(why) = words::ip(&address.ip) {
        causes.push(Cause::invalid(format!("{at}.ip"), quoted(&address.ip), why));
    }
    if !address.hostname.is_empty() {
        label(&format!("{at}.hostname"), &address.hostname, causes);
    }
    let at_node = format!("{at}.nodeName");
    node_name(&at_node, address.node_name.as_ref(), causes);
    let named = was.iter().rev().find(|was| was.ip == address.ip).and_then(|was| was.node_name.as_ref());
    if let (Some(was), Some(is)) = (named, &address.node_name)
        && was != is
    {
        causes.push(Cause::forbidden(at_node, format!("Cannot change NodeName for {} to {is}", address.ip)));
    }
    if let Some(why) = words::address(&address.ip).and_then(words::special).filter(|_| causes.len() == before) {
        causes.push(Cause::invalid(format!("{at}.ip"), quoted(&address.ip), why));
    }
}

fn port_rest(at: &str, port: &EndpointPort, causes: &mut Vec<Cause>) {
    service::protocol(&format!("{at}.protocol"), &port.protocol, causes);
    if let Some(protocol) = &port.app_protocol {
        for message in words::label_key(protocol) {
            causes.push(Cause::invalid(format!("{at}.appProtocol"), quoted(protocol), message));
        }
    }
}

/// The rules of an EndpointSlice.
pub(super) fn slice(slice: &EndpointSlice, causes: &mut Vec<Cause>) {
    let types = ["FQDN", "IPv4", "IPv6"];
    if slice.address_type.is_empty() {
        causes.push(Cause::required("addressType", ""));
    } else if !types.contains(&slice.address_type.as_str()) {
        causes.push(Cause::not_supported("addressType", &slice.address_type, &types));
    }
    if slice.endpoints.len() > 1000 {
        causes.push(Cause::too_many("endpoints", slice.endpoints.len(), 1000));
    } else {
        for (i, one) in slice.endpoints.iter().enumerate() {
            endpoint(&format!("endpoints[{i}]"), one, &slice.address_type, causes);
        }
    }
    let mut names = BTreeSet::new();
    for (i, port) in slice.ports.iter().enumerate() {
        let at = format!("ports[{i}]");
        if !port.name.is_empty() {
            label(&format!("{at}.name"), &port.name, causes);
        }
        if !names.insert(&port.name) {
            causes.push(Cause::duplicate(format!("{at}.name"), quoted(&port.name)));
        }
        port_rest(&at, port, causes);
    }
}

fn endpoint(at: &str, endpoint: &Endpoint, kind: &str, causes: &mut Vec<Cause>) {
    let list = format!("{at}.addresses");
    match endpoint.addresses.len() {
        0 => causes.push(Cause::required(&list, "must contain at least 1 address")),
        many @ 101.. => causes.push(Cause::too_many(&list, many, 100)),
        _ => {}
    }
    for (j, address) in endpoint.addresses.iter().enumerate() {
        let at = format!("{list}[{j}]");
        if kind == "FQDN" {
            let name = address.strip_suffix('.').unwrap_or(address);
            for message in words::dns_subdomain(name) {
                causes.push(Cause::invalid(&at, quoted(name), message));
            }
            if !name.contains('.') {
                causes.push(Cause::invalid(
                    &at,
                    quoted(name),
                    "should be a domain with at least two segments separated by dots",
                ));
            }
            continue;
        }
        let ip = words::address(address);
        let of_kind = match (kind, ip) {
            ("IPv4", Some(ip)) if !ip.is_ipv4() => Some("must be an IPv4 address"),
            ("IPv6", Some(ip)) if ip.is_ipv4() => Some("must be an IPv6 address"),
            ("IPv4" | "IPv6", _) => words::ip(address).or_else(|| words::special(ip?)),
            _ => None,
        };
        if let Some(why) = of_kind {
            causes.push(Cause::invalid(at, quoted(address), why));
        }
    }
    node_name(&format!("{at}.nodeName"), endpoint.node_name.as_ref(), causes);
    if let Some(hostname) = &endpoint.hostname {
        label(&format!("{at}.hostname"), hostname, causes);
    }
    let Some(hints) = &endpoint.hints else { return };
    for (list, of) in [("forZones", &hints.for_zones), ("forNodes", &hints.for_nodes)] {
        let at = format!("{at}.hints.{list}");
        if of.len() > 8 {
            causes.push(Cause::too_many(&at, of.len(), 8));
            return;
        }
        for (j, one) in of.iter().enumerate() {
            let at = format!("{at}[{j}].name");
            if of[..j].iter().any(|other| other.name == one.name) {
                causes.push(Cause::duplicate(&at, quoted(&one.name)));
            }
            node_name(&at, Some(&one.name), causes);
        }
    }
}

/// What may not change of an EndpointSlice.
pub(super) fn slice_update(old: &EndpointSlice, new: &EndpointSlice, causes: &mut Vec<Cause>) {
    if old.address_type != new.address_type {
        causes.push(Cause::invalid("addressType", quoted(&new.address_type), "field is immutable"));
    }
}
