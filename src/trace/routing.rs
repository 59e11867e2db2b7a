//! What an ingress controller decides about a request, and the rules that it compared on its way.

use std::sync::Arc;

use crate::inet::Ipv4Addr;
use crate::lang::Lang;
use crate::object::FieldRef;

/// A decision of an ingress controller.
///
/// Backends are named `namespace/name:port`, with the port as the rule has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Routing {
    /// A rule's host and path match the request best.
    RuleWins {
        /// The rule, as `shop.test/api (Prefix)`.
        rule: Arc<str>,
        /// Where it leads, as `default/web:80`.
        to: Arc<str>,
        /// All rules that were looked at.
        compared: Arc<[Compared]>,
    },
    /// No rule matches, so that a default backend takes the request.
    DefaultBackend {
        /// Where it leads.
        to: Arc<str>,
        /// All rules that were looked at.
        compared: Arc<[Compared]>,
    },
    /// No rule matches, and there is no default backend.
    NoRuleMatches {
        /// What was asked for, as `shop.test/api`.
        asked: Arc<str>,
        /// All rules that were looked at.
        compared: Arc<[Compared]>,
    },
    /// The backend's Service has no ready endpoint.
    BackendEmpty(Arc<str>),
    /// There is no Service of the backend's name.
    BackendMissing(Arc<str>),
    /// The backend's Service has no such port.
    BackendPortMissing {
        /// The Service.
        service: Arc<str>,
        /// The port's number or name.
        port: Arc<str>,
        /// What it does have, as `80, 443`.
        has: Arc<str>,
    },
    /// The controller does not follow names of another DNS: the backend's Service is of type ExternalName.
    BackendExternal(Arc<str>),
    /// The request came without TLS, and the rule's host has a certificate: the client is sent to HTTPS.
    ToHttps(Arc<str>),
    /// An annotation sends the client elsewhere.
    SentTo {
        /// The annotation, without its prefix.
        annotation: &'static str,
        /// Where to.
        to: Arc<str>,
    },
    /// nginx adds the slash that the rule's path ends with.
    SlashAdded(Arc<str>),
    /// The client's address is in none of the ranges that an annotation allows.
    NotAllowed {
        /// Whose address.
        client: Ipv4Addr,
        /// The ranges.
        ranges: Arc<str>,
    },
    /// An annotation cannot be read, so that the controller serves nothing under the rule.
    RuleDenied(Arc<str>),
    /// The controller answers its own health check.
    ControllerHealth,
    /// An annotation rewrites the path.
    Rewrites {
        /// The path that was asked for.
        from: Arc<str>,
        /// The path that the backend sees.
        to: Arc<str>,
    },
    /// A canary takes the request.
    Canary {
        /// Where it leads.
        to: Arc<str>,
        /// By which of its rules.
        by: CanaryBy,
    },
    /// The controller chose an endpoint itself.
    EndpointChosen {
        /// Of which backend.
        service: Arc<str>,
        /// Who answers at the address.
        endpoint: Arc<str>,
        /// Out of how many.
        of: u32,
        /// How.
        how: ChosenBy,
    },
}

/// How a canary came to take a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CanaryBy {
    /// By chance: so many of so many.
    Weight(u32, u32),
    /// By this header.
    Header(Arc<str>),
    /// By this cookie.
    Cookie(Arc<str>),
    /// By a session's cookie, which says that it took one before.
    Session,
}

/// How a controller chooses an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChosenBy {
    /// One after the other.
    Turn,
    /// By the cookie that the client sent.
    Cookie,
    /// For a client without a cookie, which gets one.
    NewCookie,
}

/// One rule that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// The rule, as `shop.test/api (Prefix)`.
    pub rule: Arc<str>,
    /// Why it was not taken; none for the rule that was.
    pub lost: Option<Lost>,
    /// The manifest's field that made it.
    pub cause: Option<FieldRef>,
}

/// Why a rule was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lost {
    /// Its host is another.
    Host,
    /// A rule with a host that fits closer decides for all paths of it.
    WiderHost,
    /// Its path does not match.
    Path,
    /// Its path matches, but a longer one does, too.
    Shorter,
    /// Its path matches as a prefix, but the same path stands as an exact one, too.
    AfterExact,
    /// It says the same as a rule that was there before.
    Later,
    /// It would match, but its Service, the port or the endpoints are missing, and so the controller (Traefik) made nothing of it.
    NotMade,
}

impl Lost {
    /// `host`, as traces name it.
    pub fn name(self) -> &'static str {
        ["host", "wider-host", "path", "shorter", "after-exact", "later", "not-made"][self as usize]
    }

    /// Says why, in one short sentence.
    pub fn explain(self, lang: Lang) -> &'static str {
        let (en, zh) = match self {
            Self::Host => ("Its host is another.", "主机名不同。"),
            Self::WiderHost => (
                "Another rule's host fits closer, and its paths alone are looked at.",
                "另一条规则的主机名更贴合，只看那个主机的路径。",
            ),
            Self::Path => ("Its path does not match.", "路径不匹配。"),
            Self::Shorter => ("Its path matches, but a longer one does, too.", "路径匹配，但有更长的路径也匹配。"),
            Self::AfterExact => {
                ("Its path matches as a prefix, but an exact one goes first.", "路径按前缀匹配，但精确匹配优先。")
            }
            Self::Later => ("An older rule says the same and goes first.", "更早的规则内容相同，先到先得。"),
            Self::NotMade => (
                "It would match, but its Service, port or endpoints are missing: Traefik drops such a rule (where allowEmptyServices is set, missing endpoints alone give 503).",
                "本可匹配，但它的 Service、端口或端点不存在：Traefik 会丢掉这样的规则（若设置了 allowEmptyServices，只缺端点时回答 503）。",
            ),
        };
        lang.pick(en, zh)
    }
}

impl Routing {
    /// The rules that were looked at, if the decision was one between rules.
    pub fn compared(&self) -> &[Compared] {
        match self {
            Self::RuleWins { compared, .. }
            | Self::DefaultBackend { compared, .. }
            | Self::NoRuleMatches { compared, .. } => compared,
            _ => &[],
        }
    }

    /// Says why, in one or two short sentences.
    pub fn explain(&self, lang: Lang) -> String {
        use Routing::*;
        let (en, zh) = match self {
            RuleWins { rule, to, .. } => (
                format!("The rule {rule} matches the request best: it leads to {to}."),
                format!("规则 {rule} 与请求最匹配：转给 {to}。"),
            ),
            DefaultBackend { to, .. } => (
                format!("No rule matches the request, so the default backend {to} takes it."),
                format!("没有规则匹配该请求，由默认后端 {to} 处理。"),
            ),
            NoRuleMatches { asked, .. } => (
                format!("No rule matches {asked}, and there is no default backend: the controller answers 404 itself."),
                format!("没有规则匹配 {asked}，也没有默认后端：控制器自己回答 404。"),
            ),
            BackendEmpty(service) => (
                format!(
                    "Service {service} has no ready endpoint, so the controller has nobody to send the request to."
                ),
                format!("Service {service} 没有就绪端点，控制器没有可以转发的对象。"),
            ),
            BackendMissing(service) => (
                format!(
                    "The rule's backend is Service {service}, and there is no such Service in the namespace of the Ingress."
                ),
                format!("规则的后端是 Service {service}，而 Ingress 所在的命名空间里没有这个 Service。"),
            ),
            BackendPortMissing { service, port, has } => (
                format!(
                    "Service {service} has no port {port}: it has {has}. The port of a backend is the Service's, not the pod's."
                ),
                format!(
                    "Service {service} 没有端口 {port}，它的端口是 {has}。后端写的是 Service 的端口，不是 Pod 的端口。"
                ),
            ),
            BackendExternal(service) => (
                format!(
                    "Service {service} is of type ExternalName, which leads out of the cluster; the lab has no internet."
                ),
                format!("Service {service} 的类型是 ExternalName，指向集群之外；实验环境没有互联网。"),
            ),
            ToHttps(host) => (
                format!(
                    "The request came without TLS, and {host} is served with a certificate: the controller sends the client to HTTPS. Annotation ssl-redirect: \"false\" turns that off."
                ),
                format!(
                    "请求没有使用 TLS，而 {host} 配有证书：控制器让客户端改用 HTTPS。用注解 ssl-redirect: \"false\" 可以关闭。"
                ),
            ),
            SentTo { annotation, to } => (
                format!("The annotation {annotation} sends the client to {to}."),
                format!("注解 {annotation} 让客户端转到 {to}。"),
            ),
            SlashAdded(path) => (
                format!(
                    "The rule's path {path} ends with a slash and the request's does not: nginx sends the client there."
                ),
                format!("规则的路径 {path} 以斜杠结尾，请求的路径没有：nginx 让客户端转到那里。"),
            ),
            NotAllowed { client, ranges } => (
                format!("The controller sees the client as {client}, which is in none of the allowed ranges {ranges}."),
                format!("控制器看到的客户端地址是 {client}，不在允许的范围 {ranges} 之内。"),
            ),
            RuleDenied(annotation) => (
                format!(
                    "The annotation {annotation} has a value that the controller cannot read, so it serves nothing here."
                ),
                format!("控制器读不懂注解 {annotation} 的值，因此这里什么也不提供。"),
            ),
            ControllerHealth => {
                ("The controller answers its own health check.".to_owned(), "控制器自己回答健康检查。".to_owned())
            }
            Rewrites { from, to } => (
                format!("The annotation rewrite-target makes {to} of {from}: that is the path which the backend sees."),
                format!("注解 rewrite-target 把 {from} 改写成 {to}：后端看到的是这个路径。"),
            ),
            Canary { to, by } => match by {
                CanaryBy::Weight(n, of) => (
                    format!("A canary takes {n} of {of} requests by chance, and took this one: it leads to {to}."),
                    format!("金丝雀按概率接收 {of} 分之 {n} 的请求，这一个被它接收：转给 {to}。"),
                ),
                CanaryBy::Header(name) => (
                    format!("The request's header {name} asks for the canary: it leads to {to}."),
                    format!("请求头 {name} 要求使用金丝雀：转给 {to}。"),
                ),
                CanaryBy::Cookie(name) => (
                    format!("The request's cookie {name} asks for the canary: it leads to {to}."),
                    format!("请求的 Cookie {name} 要求使用金丝雀：转给 {to}。"),
                ),
                CanaryBy::Session => (
                    format!("The session's cookie was given by the canary: it leads to {to} again."),
                    format!("会话 Cookie 由金丝雀发出：再次转给 {to}。"),
                ),
            },
            EndpointChosen { service, endpoint, of: 1, .. } => (
                format!(
                    "{service} has one ready endpoint: the controller connects to {endpoint} itself, past the cluster IP."
                ),
                format!("{service} 只有一个就绪端点：控制器绕过 ClusterIP，自己连接 {endpoint}。"),
            ),
            EndpointChosen { endpoint, of, how, .. } => match how {
                ChosenBy::Turn => (
                    format!(
                        "The controller takes its {of} endpoints in turn: this time {endpoint}. It connects itself, past the cluster IP."
                    ),
                    format!("控制器轮流使用 {of} 个端点，这次是 {endpoint}。它自己发起连接，绕过 ClusterIP。"),
                ),
                ChosenBy::Cookie => (
                    format!("The client's cookie leads to {endpoint}, one of {of} endpoints, again."),
                    format!("客户端的 Cookie 再次指向 {of} 个端点中的 {endpoint}。"),
                ),
                ChosenBy::NewCookie => (
                    format!(
                        "The client has no cookie yet: the controller chose {endpoint} of {of} endpoints, and sends a cookie along."
                    ),
                    format!("客户端还没有 Cookie：控制器从 {of} 个端点中选了 {endpoint}，并发给它一个 Cookie。"),
                ),
            },
        };
        lang.pick(en, zh)
    }
}

#[cfg(test)]
mod tests {
    use super::Routing::*;
    use super::*;
    use crate::trace::explain::tests::reads_well;

    #[test]
    fn every_decision_has_a_sentence_in_each_language() {
        let (x, canary) = (Arc::<str>::from("x"), |by| Canary { to: "x".into(), by });
        let chosen = |of, how| EndpointChosen { service: "x".into(), endpoint: "x".into(), of, how };
        let routing = [
            RuleWins { rule: x.clone(), to: x.clone(), compared: [].into() },
            DefaultBackend { to: x.clone(), compared: [].into() },
            NoRuleMatches { asked: x.clone(), compared: [].into() },
            BackendEmpty(x.clone()),
            BackendMissing(x.clone()),
            BackendPortMissing { service: x.clone(), port: x.clone(), has: x.clone() },
            BackendExternal(x.clone()),
            ToHttps(x.clone()),
            SentTo { annotation: "app-root", to: x.clone() },
            SlashAdded(x.clone()),
            NotAllowed { client: Ipv4Addr::LOCALHOST, ranges: x.clone() },
            RuleDenied(x.clone()),
            ControllerHealth,
            Rewrites { from: x.clone(), to: x.clone() },
            canary(CanaryBy::Weight(10, 100)),
            canary(CanaryBy::Header(x.clone())),
            canary(CanaryBy::Cookie(x)),
            canary(CanaryBy::Session),
            chosen(1, ChosenBy::Turn),
            chosen(3, ChosenBy::Turn),
            chosen(3, ChosenBy::Cookie),
            chosen(3, ChosenBy::NewCookie),
        ];
        for decision in routing {
            reads_well(&decision.explain(Lang::En), &decision.explain(Lang::Zh));
        }
        for lost in
            [Lost::Host, Lost::WiderHost, Lost::Path, Lost::Shorter, Lost::AfterExact, Lost::Later, Lost::NotMade]
        {
            reads_well(lost.explain(Lang::En), lost.explain(Lang::Zh));
            assert!(!lost.name().is_empty());
        }
    }
}
