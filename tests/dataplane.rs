//! The flow table: kube-proxy's own facts, one row each, judged by the rules that we write.
//!
//! The rows stand in `truth/dataplane.yaml`, each with its source. A failure prints the rules of the node that judged.

mod world;

use std::collections::BTreeSet;

use kubehop::net::{End, Network, Origin, Way, iptables_save};
use kubehop::time::Instant;
use kubehop::trace::{Place, Proto};
use serde_yaml::Value;
use world::World;
use world::truth::{CASES, INTERNET, build, destination, list, text};

/// Each check is sent this often, so that every endpoint is met.
const TRIES: usize = 120;

/// What came of a check: the outcome, who was reached, and whether they saw the client's address.
#[derive(Debug, Default, PartialEq)]
struct Came {
    outcomes: BTreeSet<&'static str>,
    endpoints: BTreeSet<String>,
    masquerade: BTreeSet<bool>,
}

fn send(world: &mut World, network: &Network, check: &Value) -> Came {
    let from = text(check, "from");
    let origin = match from {
        "internet" => Origin::Wire(0),
        _ => network.topology.origin(&Place::parse(from).unwrap()).unwrap(),
    };
    let proto = if text(check, "protocol") == "UDP" { Proto::Udp } else { Proto::Tcp };
    let to = destination(world, text(check, "to"));
    let mut came = Came::default();
    for _ in 0..TRIES {
        let mut packet = network.packet(&mut world.flows, origin, proto, to);
        if from == "internet" {
            packet.src.ip = check["client_ip"].as_str().unwrap_or(INTERNET).parse().unwrap();
        }
        let walked = network.judge(&mut world.flows, origin, packet, Instant::ZERO, Way::Indexed);
        let translated = walked.legs().any(|leg| leg.before.dst != leg.after.dst);
        came.outcomes.insert(match &walked.end {
            End::Rejected(..) => "refused",
            End::Lost(_, because) if because.rule.is_some() => "dropped",
            _ if translated => "answered",
            End::Machine(..) => "accepted",
            _ => "unmatched",
        });
        if let End::Cabin(cabin, arrived) = &walked.end
            && translated
        {
            came.endpoints.insert(network.topology.cabins[*cabin].name.to_string());
            // A node that masquerades what itself sends by eth0 keeps its address; the port still changes.
            came.masquerade.insert(arrived.src != packet.src);
            let port = check["target_port"].as_u64().map_or(arrived.dst.port, |port| port as u16);
            assert_eq!(arrived.dst.port, port);
        }
    }
    came
}

#[test]
fn packets_go_where_kube_proxys_own_tests_say() {
    let truth: Value = serde_yaml::from_str(CASES).unwrap();
    let (mut judged, mut wrong) = (0, Vec::new());
    for case in truth["cases"].as_sequence().unwrap() {
        let mut world = build(case);
        let network = world.network();
        if let Some(rules) = case["expect_proxy_rules"].as_u64() {
            let written = network.service_ports().count() as u64;
            assert_eq!(written, rules, "{}", text(case, "name"));
            judged += 1;
        }
        for check in list(&case["checks"]) {
            let expect = &check["expect"];
            let expected = Came {
                outcomes: [match text(expect, "outcome") {
                    "refused" => "refused",
                    "dropped" => "dropped",
                    "answered" => "answered",
                    "accepted" => "accepted",
                    "unmatched" => "unmatched",
                    other => panic!("outcome {other}"),
                }]
                .into(),
                endpoints: list(&expect["endpoints"]).iter().map(|e| e.as_str().unwrap().to_owned()).collect(),
                masquerade: expect["masquerade"].as_bool().into_iter().collect(),
            };
            let came = send(&mut world, &network, &check);
            if came != expected {
                let rules = iptables_save(&network, &world.profile.nodes[0].name, Instant::ZERO).unwrap();
                wrong.push(format!(
                    "{} ({} to {})\n  expected {expected:?}\n  came {came:?}\n{rules}",
                    text(case, "name"),
                    text(&check, "from"),
                    text(&check, "to"),
                ));
            }
            judged += 1;
        }
    }
    assert!(wrong.is_empty(), "{} of {judged} rows differ:\n{}", wrong.len(), wrong.join("\n"));
    // All rows are judged; none is left out.
    assert_eq!(judged, 62);
}
