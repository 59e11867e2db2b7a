//! Address families: which a Service has, and whether the cluster has them.
//!
//! After `initIPFamilyFields` of `pkg/registry/core/service/storage/alloc.go`, for a cluster with IPv4 alone. It runs before
//! addresses are handed out, so that what it refuses hides every other broken rule.

use super::status::{Cause, quoted};
use super::validate;
use crate::object::ServiceSpec;

/// Fills in the families and their policy; the broken rules, if what was written of them cannot be had.
pub(super) fn init(old: Option<&ServiceSpec>, new: &mut ServiceSpec) -> Result<(), Vec<Cause>> {
    if new.r#type == "ExternalName" {
        return Ok(());
    }
    let selectorless = new.cluster_ip == "None" && new.selector.is_empty();
    if new.ip_family_policy.is_empty() {
        new.ip_family_policy = match old {
            Some(old) if !old.ip_family_policy.is_empty() => old.ip_family_policy.clone(),
            _ if selectorless => "RequireDualStack".into(),
            _ => "SingleStack".into(),
        };
    }
    refuse(validate::cluster_ips(new))?;
    let mut causes = Vec::new();
    if let Some(old) = old {
        fewer(old, new, &mut causes);
    }
    let policy = quoted(&new.ip_family_policy);
    if new.ip_family_policy == "SingleStack" {
        let all = "must be 'RequireDualStack' or 'PreferDualStack' when multiple";
        for (many, what) in [(new.cluster_ips.len(), "cluster IPs"), (new.ip_families.len(), "IP families")] {
            if many == 2 {
                causes.push(Cause::invalid("spec.ipFamilyPolicy", &policy, format!("{all} {what} are specified")));
            }
        }
    }
    for (i, ip) in new.cluster_ips.iter().enumerate().take_while(|(_, ip)| *ip != "None") {
        if i >= new.ip_families.len() {
            if ip.contains(':') {
                let all: Vec<String> = new.cluster_ips.iter().map(|ip| quoted(ip)).collect();
                let value = format!("[{}]", all.join(","));
                let detail = "IPv6 is not configured on this cluster";
                causes.push(Cause::invalid(format!("spec.clusterIPs[{i}]"), value, detail));
            } else {
                new.ip_families.push("IPv4".into());
            }
        }
    }
    refuse(causes)?;
    if selectorless {
        if new.ip_families.is_empty() {
            new.ip_families.push("IPv4".into());
        }
        if new.ip_families.len() < 2 && new.ip_family_policy != "SingleStack" {
            new.ip_families.push(if new.ip_families[0] == "IPv4" { "IPv6".into() } else { "IPv4".into() });
        }
        return Ok(());
    }
    let mut causes = Vec::new();
    if new.ip_family_policy == "RequireDualStack" {
        let detail = "this cluster is not configured for dual-stack services";
        causes.push(Cause::invalid("spec.ipFamilyPolicy", &policy, detail));
    }
    for (i, family) in new.ip_families.iter().enumerate().filter(|(_, family)| *family != "IPv4") {
        let detail = "not configured on this cluster";
        causes.push(Cause::invalid(format!("spec.ipFamilies[{i}]"), quoted(family), detail));
    }
    refuse(causes)?;
    if new.ip_families.is_empty() {
        new.ip_families.push("IPv4".into());
    }
    Ok(())
}

fn refuse(causes: Vec<Cause>) -> Result<(), Vec<Cause>> {
    if causes.is_empty() { Ok(()) } else { Err(causes) }
}

/// A second address or family that is given up, on update.
fn fewer(old: &ServiceSpec, new: &mut ServiceSpec, causes: &mut Vec<Cause>) {
    if new.ip_family_policy == "SingleStack" {
        if old.cluster_ips == new.cluster_ips {
            new.cluster_ips.truncate(1);
        }
        if old.ip_families == new.ip_families {
            new.ip_families.truncate(1);
        }
        return;
    }
    let fewer = |old: &[String], new: &[String]| !new.is_empty() && new.len() < old.len();
    for (is_fewer, what) in [
        (fewer(&old.cluster_ips, &new.cluster_ips), "cluster IP"),
        (fewer(&old.ip_families, &new.ip_families), "IP family"),
    ] {
        if is_fewer {
            let detail = format!("must be 'SingleStack' to release the secondary {what}");
            causes.push(Cause::invalid("spec.ipFamilyPolicy", quoted(&new.ip_family_policy), detail));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(cluster_ip: &str, policy: &str, families: &[&str]) -> ServiceSpec {
        ServiceSpec {
            cluster_ip: cluster_ip.into(),
            cluster_ips: [cluster_ip].iter().filter(|ip| !ip.is_empty()).map(|ip| (*ip).to_owned()).collect(),
            ip_family_policy: policy.into(),
            ip_families: families.iter().map(|family| (*family).to_owned()).collect(),
            r#type: "ClusterIP".into(),
            ..ServiceSpec::default()
        }
    }

    #[test]
    fn a_headless_service_without_selector_has_both_families() {
        let mut spec = spec("None", "", &[]);
        init(None, &mut spec).unwrap();
        assert_eq!((spec.ip_family_policy.as_str(), spec.ip_families.len()), ("RequireDualStack", 2));
    }

    #[test]
    fn one_family_is_what_the_cluster_has() {
        let mut preferred = spec("", "PreferDualStack", &[]);
        init(None, &mut preferred).unwrap();
        assert_eq!(preferred.ip_families, ["IPv4"]);
        for (mut spec, field) in [
            (spec("", "RequireDualStack", &[]), "spec.ipFamilyPolicy"),
            (spec("", "", &["IPv6"]), "spec.ipFamilies[0]"),
            (spec("", "", &["IPv4", "IPv6"]), "spec.ipFamilyPolicy"),
            (spec("fd00::1", "", &[]), "spec.clusterIPs[0]"),
        ] {
            let causes = init(None, &mut spec).unwrap_err();
            assert_eq!((causes.len(), causes[0].field.as_str()), (1, field));
        }
    }
}
