//! Help while one writes a manifest: [`complete`], [`hover`], [`fix`], [`format()`] and [`changes`].
//!
//! [`complete`] and [`hover`] take a text and a caret; both work while the text is broken, as it is while someone types, so they
//! read lines and their indentation rather than YAML. What they know of fields comes from the table that drives strict
//! decoding, what they know of names from the cluster and the editor's files ([`World`]). Collections in brackets are not
//! looked into.

mod place;
mod known;
mod names;
mod snippet;
mod fix;
mod format;
mod change;

pub use change::{Change, carry_over, changes, lines, take_back};
pub use fix::{Fix, fix};
pub use format::{Untidied, format};
pub use names::World;

use crate::lang::Lang;
use crate::manifest::{Schema, Shape, Type, as_yaml};
use crate::object::Kind;
use crate::text::{Source, Span};
use place::{Place, Role};

/// What an offer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// A field of the API.
    Field,
    /// A value that the API knows.
    Value,
    /// Something that the cluster or another file holds.
    Name,
    /// A whole manifest; its text has places to fill in, `${1:like this}`.
    Manifest,
}

/// Something that could stand at the caret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// What is offered: `targetPort`, `NodePort`.
    pub label: String,
    /// What it is.
    pub offer: Offer,
    /// Its type (`integer or string`), or a word on it; may be empty.
    pub detail: String,
    /// What replaces `span`; a field brings its colon, and a line break where its value needs one.
    pub insert: String,
    /// What has been typed of it already.
    pub span: Span,
    /// Whether there is more to choose once it stands there.
    pub more: bool,
    /// Of a field, the struct whose description tells of it, in `public/fields.json`; else empty.
    pub owner: &'static str,
}

/// What the thing under the caret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hover {
    /// The key that is explained.
    pub span: Span,
    /// `spec.ports.targetPort`, as `kubectl explain` takes it.
    pub path: String,
    /// `integer or string`
    pub of: String,
    /// The values that the API knows, where it knows all.
    pub values: &'static [&'static str],
    /// What it is when nobody writes it; empty where that depends.
    pub default: &'static str,
    /// The struct whose description tells of it, in `public/fields.json`.
    pub owner: String,
    /// The field in that struct; empty for the struct itself.
    pub field: String,
}

/// What could stand at the caret, the likeliest first.
///
/// ```
/// use kubehop::{assist, cluster::Cluster, lang::Lang, object::Profile, text::Source};
///
/// let cluster = Cluster::new(&Profile::named("minikube").unwrap(), 1);
/// let world = assist::World::new(&cluster, std::iter::empty());
/// let source = Source::new("svc.yaml", "apiVersion: v1\nkind: Service\nspec:\n  ty");
/// let offers = assist::complete(&source, source.text.len() as u32, &world, Lang::En);
/// assert_eq!(offers[0].insert, "type: ");
/// ```
pub fn complete(source: &Source, offset: u32, world: &World<'_>, lang: Lang) -> Vec<Completion> {
    let Some(place) = Place::at(&source.text, offset) else { return Vec::new() };
    let mut offers = match place.role {
        Role::Key => keys(&place, world, lang),
        Role::Value => values(&place, world, lang),
    };
    let lower = place.word.to_ascii_lowercase();
    offers.retain(|offer| offer.label.to_ascii_lowercase().contains(&lower));
    crate::sort::by_key(&mut offers, |offer| !offer.label.to_ascii_lowercase().starts_with(&lower));
    offers
}

/// What the field under the caret is, if it is one.
pub fn hover(source: &Source, offset: u32, lang: Lang) -> Option<Hover> {
    let place = Place::at(&source.text, offset)?;
    let (key, span) = place.key?;
    let Some(Shape::Struct(name)) = place.owner else { return None };
    let of = Schema::get().field(name, key)?;
    let mut path = place.path;
    path.push(key);
    let kind = place.kind.filter(|_| path == ["kind"]);
    let (owner, field) = match kind {
        Some(kind) => (Schema::get().root(&kind.api_version(), kind.name())?, ""),
        None => (name, key),
    };
    Some(Hover {
        span,
        path: path.join("."),
        of: known::spell(of.shape(), lang),
        values: known::values(name, key),
        default: known::default(name, key),
        owner: owner.to_owned(),
        field: field.to_owned(),
    })
}

fn keys(place: &Place<'_>, world: &World<'_>, lang: Lang) -> Vec<Completion> {
    // A key that has its colon already is only renamed.
    let bare = place.key.is_some();
    let name = match place.owner {
        Some(Shape::Struct(name)) => name,
        Some(Shape::Map(_)) => return labels(place, world, bare),
        Some(_) if !bare => return items(place, world, lang),
        _ => return Vec::new(),
    };
    let fields = Schema::get().fields(name).iter();
    let written = |field: &str| place.siblings.contains(&field);
    // Nobody writes a status.
    let server_s = |field: &str| place.path.is_empty() && field == "status";
    let fields = fields.filter(|(field, _)| !written(field)).filter(|(field, _)| !server_s(field));
    let mut offers: Vec<_> = fields
        .map(|(field, of)| {
            let deeper = " ".repeat(place.column + 2);
            let insert = match of.shape() {
                _ if bare => (*field).to_owned(),
                Shape::Struct(_) | Shape::Map(_) => format!("{field}:\n{deeper}"),
                Shape::List(_) => format!("{field}:\n{deeper}- "),
                _ => format!("{field}: "),
            };
            Completion {
                label: (*field).into(),
                offer: Offer::Field,
                detail: known::spell(of.shape(), lang),
                insert,
                span: place.typed,
                more: !bare,
                owner: name,
            }
        })
        .collect();
    crate::sort::by_key(&mut offers, |offer| !known::USUAL.contains(&offer.label.as_str()));
    if place.column == 0 && place.siblings.is_empty() && !bare {
        let manifests = snippet::ALL.iter().map(|(label, en, zh, text)| Completion {
            label: (*label).into(),
            offer: Offer::Manifest,
            detail: lang.pick(*en, *zh).into(),
            insert: (*text).into(),
            span: place.typed,
            more: false,
            owner: "",
        });
        offers.splice(0..0, manifests);
    }
    offers
}

/// The keys of a map whose keys are names.
fn labels(place: &Place<'_>, world: &World<'_>, bare: bool) -> Vec<Completion> {
    let names = names::once(names::keys(place, world)).into_iter();
    let fresh = names.filter(|(name, _)| !place.siblings.contains(&name.as_str()));
    let offer = |(label, detail): (String, String)| Completion {
        insert: if bare { label.clone() } else { format!("{label}: ") },
        label,
        offer: Offer::Name,
        detail,
        span: place.typed,
        more: !bare,
        owner: "",
    };
    fresh.map(offer).collect()
}

/// The items of a list of plain values.
fn items(place: &Place<'_>, world: &World<'_>, lang: Lang) -> Vec<Completion> {
    let Some((owner, field)) = place.field else { return Vec::new() };
    let known = known::values(owner, field).iter().map(|value| offer(place, Offer::Value, value, ""));
    let names = names::once(names::values(place, world, lang));
    known.chain(names.iter().map(|(name, about)| offer(place, Offer::Name, name, about))).collect()
}

fn values(place: &Place<'_>, world: &World<'_>, lang: Lang) -> Vec<Completion> {
    let Some((key, _)) = place.key else { return Vec::new() };
    let value = |label: &str| offer(place, Offer::Value, label, "");
    if place.path.is_empty() && key == "kind" {
        return Kind::all().map(|kind| value(kind.name())).collect();
    }
    if place.path.is_empty() && key == "apiVersion" {
        let of_kind = Kind::all().filter(|kind| place.kind.is_none_or(|k| k == *kind));
        let mut versions: Vec<_> = of_kind.map(Kind::api_version).collect();
        crate::sort::by(&mut versions, Ord::cmp);
        versions.dedup();
        return versions.iter().map(|version| value(version)).collect();
    }
    let names = names::once(names::values(place, world, lang));
    let mut offers: Vec<_> = names.iter().map(|(name, about)| offer(place, Offer::Name, name, about)).collect();
    if let Some(Shape::Struct(name)) = place.owner {
        match Schema::get().field(name, key).map(Type::shape) {
            Some(Shape::Bool) => offers.extend(["true", "false"].map(value)),
            _ => offers.extend(known::values(name, key).iter().map(|label| value(label))),
        }
    }
    offers
}

/// A value to offer, in quotes where YAML would read something else.
fn offer(place: &Place<'_>, offer: Offer, label: &str, detail: &str) -> Completion {
    let shape = match (place.owner, place.role, place.key) {
        (Some(Shape::Struct(name)), _, Some((key, _))) => Schema::get().field(name, key).map(Type::shape),
        (Some(Shape::Map(of)), Role::Value, _) => Some(of.shape()),
        (shape, ..) => shape,
    };
    let insert = match shape {
        Some(Shape::String) => as_yaml(label),
        _ => label.to_owned(),
    };
    // The caret may stand right behind the colon.
    let insert = if needs_blank(place) { format!(" {insert}") } else { insert };
    Completion { label: label.into(), offer, detail: detail.into(), insert, span: place.typed, more: false, owner: "" }
}

fn needs_blank(place: &Place<'_>) -> bool {
    let before = |line: &&place::Line<'_>| line.start <= place.typed.start as usize;
    let line = place.lines.iter().rev().find(before);
    place.role == Role::Value
        && line.is_some_and(|line| line.text[..place.typed.start as usize - line.start].ends_with(':'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Cluster;
    use crate::object::Profile;
    use crate::text::Edit;

    const STORY: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web, version: \"1\"}}
  template:
    metadata: {labels: {app: web, version: \"1\"}}
    spec: {containers: [{name: a, image: 'hello:1.0', ports: [{name: http, containerPort: 9090}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: front}
spec: {selector: {app: web}, ports: [{name: web, port: 80, targetPort: 9090}]}
---
apiVersion: v1
kind: Secret
metadata: {name: cert}
type: kubernetes.io/tls
stringData: {tls.crt: c, tls.key: k}
";

    /// What is offered where `|` stands, while the editor holds `STORY`.
    fn all(text: &str) -> Vec<Completion> {
        let at = text.find('|').unwrap();
        let source = Source::new("f.yaml", text.replacen('|', "", 1));
        let cluster = Cluster::new(&Profile::named("multinode").unwrap(), 1);
        let parsed = crate::manifest::parse(&Source::new("story.yaml", STORY));
        assert_eq!(parsed.diagnostics, []);
        complete(&source, at as u32, &World::new(&cluster, parsed.manifests.iter()), Lang::En)
    }

    fn offers(text: &str) -> Vec<String> {
        all(text).into_iter().map(|offer| offer.label).collect()
    }

    /// The text after the first offer is taken.
    fn taken(text: &str) -> String {
        let offer = all(text).remove(0);
        let source = Source::new("f.yaml", text.replacen('|', "", 1));
        source.edited(&[Edit { span: offer.span, text: offer.insert }])
    }

    #[test]
    fn offers_fields_where_they_belong() {
        let service = "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\nspec:\n";
        assert_eq!(offers(&format!("{service}  po|"))[0], "ports");
        assert_eq!(offers(&format!("{service}  ports:\n  - port: 80\n    ta|"))[0], "targetPort");
        assert_eq!(offers(&format!("{service}  ports:\n    - na|"))[0], "name");
        assert_eq!(offers(&format!("{service}  ports:\n  - port: 80\n  se|"))[0], "selector");
        assert!(
            !offers(&format!("{service}  selector: {{}}\n  |\n  type: x\n"))
                .iter()
                .any(|l| l == "selector" || l == "type")
        );
        assert_eq!(offers("api|")[0], "apiVersion");
        let pod = "kind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n        - name: a\n          ports:\n          - containerPort: 1\n          ";
        assert_eq!(offers(&format!("{pod}im|"))[0], "image");
        assert_eq!(offers(&format!("{pod}readinessProbe:\n            httpGet:\n              pa|"))[0], "path");
    }

    #[test]
    fn offers_values() {
        assert_eq!(offers("kind: Service\nspec:\n  type: N|")[0], "NodePort");
        assert_eq!(offers("kind: Dep|"), ["Deployment"]);
        assert_eq!(offers("kind: Deployment\napiVersion: |"), ["apps/v1"]);
        assert_eq!(offers("kind: Service\nspec:\n  publishNotReadyAddresses: |"), ["true", "false"]);
    }

    #[test]
    fn offers_what_the_cluster_and_the_files_hold() {
        let ingress = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: a\nspec:\n";
        let backend = format!(
            "{ingress}  rules:\n  - http:\n      paths:\n      - path: /\n        backend:\n          service:\n"
        );
        let service = all(&format!("{backend}            name: f|\n"));
        assert_eq!((service[0].label.as_str(), service[0].detail.as_str()), ("front", "port 80 → 9090"));
        assert_eq!(
            offers(&format!("{backend}            name: front\n            port:\n              number: |")),
            ["80"]
        );
        assert_eq!(
            offers(&format!("{backend}            port:\n              name: |\n            name: front\n")),
            ["web"]
        );
        assert_eq!(offers(&format!("{ingress}  tls:\n  - secretName: |")), ["cert"]);
        let annotation = offers("kind: Ingress\nmetadata:\n  annotations:\n    rewri|");
        assert_eq!(annotation, ["nginx.ingress.kubernetes.io/rewrite-target"]);
        let service = "kind: Service\nspec:\n";
        assert_eq!(offers(&format!("{service}  selector:\n    |")), ["app", "version"]);
        assert_eq!(offers(&format!("{service}  selector:\n    app: |")), ["web"]);
        assert_eq!(
            offers(&format!("{service}  ports:\n  - port: 80\n    targetPort: |\n  selector:\n    app: web\n")),
            ["9090", "http"]
        );
        assert_eq!(offers("kind: Pod\nspec:\n  nodeName: m02|"), ["minikube-m02"]);
        assert_eq!(offers("kind: Pod\nmetadata:\n  namespace: kube-s|"), ["kube-system"]);
        assert!(offers("kind: Pod\nspec:\n  nodeSelector:\n    |").contains(&"kubernetes.io/hostname".to_owned()));
    }

    #[test]
    fn an_empty_document_begins_with_a_manifest() {
        assert_eq!(offers("kind: Pod\n---\n|")[0], "Deployment");
        assert_eq!(offers("serv|")[..3], ["Service", "Service NodePort", "Service LoadBalancer"]);
        assert_eq!(offers("kind: Pod\nserv|"), Vec::<String>::new());
    }

    #[test]
    fn offers_items_of_lists() {
        assert_eq!(offers("kind: Service\nspec:\n  ipFamilies:\n  - IPv|"), ["IPv4", "IPv6"]);
        let ingress = "kind: Ingress\nspec:\n  rules:\n  - host: a.example\n  tls:\n  - hosts:\n    - |";
        assert_eq!(offers(ingress), ["a.example"]);
    }

    #[test]
    fn nothing_is_offered_in_a_comment() {
        assert!(offers("kind: Service # N|").is_empty());
        assert!(offers("# ki|").is_empty());
    }

    #[test]
    fn what_is_taken_fits_where_it_stands() {
        let service = "kind: Service\nspec:\n";
        assert_eq!(taken("kind:|"), "kind: Namespace");
        assert_eq!(taken(&format!("{service}  ty|: NodePort")), format!("{service}  type: NodePort"));
        assert_eq!(taken(&format!("{service}  type: \"No|de\" # x")), format!("{service}  type: NodePort # x"));
        // A label that looks like a number is text.
        assert_eq!(
            taken(&format!("{service}  selector:\n    version: |")),
            format!("{service}  selector:\n    version: \"1\"")
        );
        assert_eq!(taken(&format!("{service}  ports:\n    - na|")), format!("{service}  ports:\n    - name: "));
        assert_eq!(
            taken(&format!("{service}  ports:\n  - port: 80\n    targetP|")),
            format!("{service}  ports:\n  - port: 80\n    targetPort: ")
        );
    }

    #[test]
    fn inserts_what_the_value_needs() {
        let offer = all("kind: Service\nspec:\n  por|").remove(0);
        assert_eq!((offer.insert.as_str(), offer.span), ("ports:\n    - ", Span { start: 22, end: 25 }));
    }

    #[test]
    fn explains_the_field_under_the_caret() {
        let text = "---\nkind: Service\nspec:\n  ports:\n  - port: 80\n    targetPort: web # 名\n---\nkind: Pod\n";
        let source = Source::new("f.yaml", text);
        let hover = hover(&source, text.find("getPort").unwrap() as u32, Lang::En).unwrap();
        assert_eq!(hover.path, "spec.ports.targetPort");
        assert_eq!((hover.of.as_str(), hover.default), ("integer or string", "= port"));
        assert_eq!((hover.owner.as_str(), hover.field.as_str()), ("ServicePort", "targetPort"));
        assert_eq!(&text[hover.span.start as usize..hover.span.end as usize], "targetPort");
    }

    #[test]
    fn no_caret_makes_it_panic() {
        let text = "kind: Service\nspec:\n- - a\n -b: \"中\n\t- x: {\n-\n - \n: :\n\r\n--- 1";
        let cluster = Cluster::new(&Profile::named("minikube").unwrap(), 1);
        for text in [text, STORY] {
            for at in 0..text.len() + 3 {
                let source = Source::new("f.yaml", text);
                for offer in complete(&source, at as u32, &World::new(&cluster, std::iter::empty()), Lang::Zh) {
                    let edited = source.edited(&[Edit { span: offer.span, text: offer.insert.clone() }]);
                    assert!(edited.contains(&offer.insert), "{at}");
                }
                super::hover(&source, at as u32, Lang::Zh);
            }
        }
    }
}
