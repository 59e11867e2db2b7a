//! Events: what controllers say of objects, kept in short and for an hour.
//!
//! After `client-go` `tools/record` (`events_cache.go`: the same remark again raises a count) and the API server's `--event-ttl`. They
//! become objects of the API only when somebody looks, and do not count as changes of the store: nobody watches them, and ten
//! thousand pods have fifty thousand. What repeats itself (a probe that goes on failing) is counted without being told, and
//! beyond the limit on how many events an object may have.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::object::{Event, EventSource, Kind, Meta, Object, Ref, TargetRef};
use crate::time::{BIRTH, Duration, Instant};

/// How long an event is kept after it was last seen.
const KEPT: Duration = Duration::from_secs(3600);
/// How often old ones are thrown out.
const SWEEP: Duration = Duration::from_secs(600);
/// How long remarks that are alike count together, how many of them stand alone, and how the others begin.
const SIMILAR: Duration = Duration::from_secs(600);
const MOST_SIMILAR: usize = 9;
const COMBINED: &str = "(combined from similar events): ";
/// Who records in the newer form, without first and last time.
const SCHEDULER: &str = "default-scheduler";

/// Whether something is as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub enum Tone {
    Normal,
    Warning,
}

/// What a controller says of an object, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The object.
    pub about: Ref,
    /// Its uid.
    pub uid: String,
    /// The container, if it is about one of a pod's.
    pub container: String,
    /// Whether all is well.
    pub tone: Tone,
    /// `Scheduled`, `Killing`, …
    pub reason: &'static str,
    /// The sentence.
    pub message: String,
    /// `kubelet`, `default-scheduler`, …
    pub from: &'static str,
    /// The node of a kubelet; else empty.
    pub host: String,
}

/// A remark, and when it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// What was said.
    pub remark: Remark,
    /// When it was said first.
    pub first: Instant,
    /// When it was said last.
    pub last: Instant,
    /// How often.
    pub count: i32,
    revision: u64,
    /// How often it was said without being told.
    untold: i32,
    /// It is said again after each such time.
    every: Option<Duration>,
    /// Its number, which stands for the nanoseconds that tell events of one moment apart.
    serial: u64,
}

/// When something was said, how often, and whether it goes on.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// When it was said first.
    pub first: Instant,
    /// When it was said last.
    pub last: Instant,
    /// How often; zero if only what comes is told.
    pub times: i32,
    /// From now on it is said again after each such time, without being told again.
    pub every: Option<Duration>,
}

impl Span {
    /// It was said once.
    pub fn once(at: Instant) -> Self {
        Self { first: at, last: at, times: 1, every: None }
    }
}

/// All that was said within the last hour, by object. A clone is cheap.
#[derive(Clone, Debug, Default)]
pub struct Events {
    all: Arc<BTreeMap<Ref, Arc<Said>>>,
    swept: Instant,
    serial: u64,
}

/// What was said of one object.
#[derive(Clone, Debug, Default)]
struct Said {
    kept: Vec<Kept>,
    budget: Budget,
}

/// How many more events an object may have: 25 at once, and one more every five minutes (`EventSourceObjectSpamFilter`).
#[derive(Clone, Copy, Debug, Default)]
struct Budget {
    /// Seconds' worth of events spent and not yet regained.
    spent: u64,
    at: Instant,
}

impl Budget {
    /// Pays for one event; false if the object has none left.
    fn pay(&mut self, now: Instant) -> bool {
        const PRICE: u64 = 300;
        self.spent = self.spent.saturating_sub(now.since(self.at).as_secs());
        self.at = now;
        let can = self.spent + PRICE <= 25 * PRICE;
        self.spent += if can { PRICE } else { 0 };
        can
    }
}

impl Said {
    /// Whether too many different remarks of the kind were made within ten minutes (`EventAggregator`).
    fn combines(&self, remark: &Remark, now: Instant) -> bool {
        let recent = |k: &&Kept| k.remark.is_similar(remark) && !k.is_combined() && k.last + SIMILAR > now;
        remark.from != SCHEDULER
            && self.kept.len() >= MOST_SIMILAR
            && self.kept.iter().filter(recent).count() >= MOST_SIMILAR
            && !self.kept.iter().any(|k| k.remark.is_similar(remark) && k.remark.message == remark.message)
    }
}

impl Remark {
    /// Whether two remarks differ by their sentences at most.
    fn is_similar(&self, other: &Self) -> bool {
        self.reason == other.reason
            && self.from == other.from
            && self.tone == other.tone
            && self.container == other.container
            && self.host == other.host
    }

    /// A remark about an object that is well.
    pub fn normal(kind: Kind, meta: &Meta, from: &'static str, reason: &'static str, message: String) -> Self {
        Self {
            about: Ref::new(kind, meta.namespace.as_str(), meta.name.as_str()),
            uid: meta.uid.clone(),
            container: String::new(),
            tone: Tone::Normal,
            reason,
            message,
            from,
            host: String::new(),
        }
    }

    /// A remark about an object that is not well.
    pub fn warning(kind: Kind, meta: &Meta, from: &'static str, reason: &'static str, message: String) -> Self {
        Self { tone: Tone::Warning, ..Self::normal(kind, meta, from, reason, message) }
    }

    /// The same, said by the kubelet of a node.
    pub fn on(self, node: &str) -> Self {
        Self { host: node.to_owned(), ..self }
    }

    /// The same, about one of the pod's containers.
    pub fn of(self, container: &str) -> Self {
        Self { container: container.to_owned(), ..self }
    }
}

impl Kept {
    /// Whether it stands for several remarks that are alike.
    fn is_combined(&self) -> bool {
        self.remark.message.starts_with(COMBINED)
    }

    /// Whether it is still kept.
    fn lives(&self, now: Instant) -> bool {
        self.every.is_some() || self.last + KEPT > now
    }

    /// Counts what was said again by itself.
    fn catch_up(&mut self, now: Instant) {
        if let Some(every) = self.every.filter(|every| !every.is_zero()) {
            let times = now.since(self.last).as_micros() / every.as_micros();
            let times = u32::try_from(times).unwrap_or(u32::MAX);
            self.count = self.count.saturating_add(i32::try_from(times).unwrap_or(i32::MAX));
            self.last = self.last + every * times;
        }
    }

    /// The same as it stands now.
    fn at(&self, now: Instant) -> Self {
        let mut kept = self.clone();
        kept.catch_up(now);
        kept
    }

    /// Whether the scheduler said it: it records in the newer form.
    fn is_new_form(&self) -> bool {
        self.remark.from == SCHEDULER
    }

    /// The event as an object.
    fn object(&self) -> Object {
        let Remark { about, uid, container, tone, reason, message, from, host } = &self.remark;
        let nanos = u64::try_from(BIRTH).unwrap_or(0) * 1_000_000_000 + self.first.as_micros() * 1000;
        let nanos = nanos + self.serial % 1000;
        let name = format!("{}.{nanos:x}", about.name);
        let mut involved = TargetRef {
            kind: about.kind.name().to_owned(),
            name: about.name.to_string(),
            namespace: about.namespace.to_string(),
            uid: uid.clone(),
            rest: Map::from_iter([("apiVersion".to_owned(), about.kind.api_version().into())]),
        };
        if !container.is_empty() {
            involved.rest.insert("fieldPath".into(), format!("spec.containers{{{container}}}").into());
        }
        let mut event = Event {
            involved_object: involved,
            message: message.clone(),
            reason: (*reason).to_owned(),
            reporting_component: (*from).to_owned(),
            reporting_instance: host.clone(),
            r#type: format!("{tone:?}"),
            ..Event::default()
        };
        if self.is_new_form() {
            event.reporting_instance = format!("{from}-minikube");
            event.rest.insert("action".into(), if *tone == Tone::Normal { "Binding" } else { "Scheduling" }.into());
            event.rest.insert("eventTime".into(), micro_time(self.first));
            if self.count > 1 {
                let series = json!({"count": self.count, "lastObservedTime": micro_time(self.last)});
                event.rest.insert("series".into(), series);
            }
        } else {
            event.rest.insert("eventTime".into(), Value::Null);
            event.count = self.count;
            event.first_timestamp = Some(self.first);
            event.last_timestamp = Some(self.last);
            event.source = EventSource { component: (*from).to_owned(), host: host.clone() };
        }
        let mut object = Object::new(namespace(about), name, event);
        object.meta.creation_timestamp = Some(self.first);
        object.meta.resource_version = self.revision.to_string();
        object.meta.uid = uid_of(&object.meta.name, reason, message);
        object
    }
}

/// Events of what has no namespace stand in `default`.
fn namespace(about: &Ref) -> &str {
    if about.namespace.is_empty() { "default" } else { &about.namespace }
}

fn micro_time(at: Instant) -> Value {
    let text = at.rfc3339();
    format!("{}.{:06}Z", text.trim_end_matches('Z'), at.as_micros() % 1_000_000).into()
}

/// An event's own uid: nobody refers to it, so that it costs no draw.
fn uid_of(name: &str, reason: &str, message: &str) -> String {
    let fnv = |seed: u64| {
        let bytes = name.bytes().chain(reason.bytes()).chain(message.bytes());
        bytes.fold(seed, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
    };
    let (a, b) = (fnv(0xcbf2_9ce4_8422_2325), fnv(0x9e37_79b9_7f4a_7c15));
    let (c, d) = (a >> 16 & 0xffff, a & 0xfff);
    format!("{:08x}-{c:04x}-4{d:03x}-{:04x}-{:012x}", a >> 32, 0x8000 | (b >> 48 & 0x3fff), b & 0xffff_ffff_ffff)
}

impl Events {
    /// Takes a remark down; `revision` is the store's.
    pub(super) fn add(&mut self, mut remark: Remark, span: Span, revision: u64, now: Instant) {
        let all = Arc::make_mut(&mut self.all);
        if now >= self.swept + SWEEP {
            self.swept = now;
            all.retain(|_, said| said.kept.iter().any(|k| k.lives(now)));
        }
        let said = Arc::make_mut(all.entry(remark.about.clone()).or_default());
        let is_combined = said.combines(&remark, now);
        if is_combined {
            remark.message.insert_str(0, COMBINED);
        }
        let same = said.kept.iter_mut().find(|k| {
            let same = if is_combined { k.is_combined() } else { k.remark.message == remark.message };
            same && k.remark.is_similar(&remark) && k.remark.uid == remark.uid && k.lives(now)
        });
        // Who only says what comes has paid already.
        if span.times > 0 && remark.from != SCHEDULER && !said.budget.pay(now) {
            // It is counted all the same, and told when the object may have an event again.
            if let Some(same) = same {
                same.untold = same.untold.saturating_add(span.times);
            }
            return;
        }
        match same {
            Some(same) => {
                same.catch_up(now);
                same.count = same.count.saturating_add(span.times);
                if span.times > 0 {
                    same.count = same.count.saturating_add(std::mem::take(&mut same.untold));
                    same.last = same.last.max(span.last);
                }
                same.every = span.every;
                same.revision = revision;
                same.remark.message = remark.message;
            }
            None if span.times > 0 => {
                self.serial += 1;
                let Span { first, last, times, every } = span;
                said.kept.push(Kept {
                    remark,
                    first,
                    last,
                    count: times,
                    revision,
                    untold: 0,
                    every,
                    serial: self.serial,
                });
            }
            None => {}
        }
    }

    /// Forgets the event of this name; false if there is none.
    pub(super) fn remove(&mut self, event: &Ref) -> bool {
        let mut found = false;
        for (about, said) in Arc::make_mut(&mut self.all) {
            if namespace(about) == &*event.namespace && event.name.starts_with(&*about.name) {
                let before = said.kept.len();
                Arc::make_mut(said).kept.retain(|k| k.object().meta.name != *event.name);
                found |= said.kept.len() < before;
            }
        }
        found
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Forgets all events in a namespace that is gone.
    pub(super) fn forget(&mut self, gone: &str) {
        Arc::make_mut(&mut self.all).retain(|about, _| &*about.namespace != gone);
    }

    /// What was said of an object, by the time at which it was said last; of another object of its name, nothing.
    ///
    /// As `kubectl describe` sorts them: what the scheduler says has no last time, and comes first.
    pub fn of(&self, about: &Ref, uid: &str, now: Instant) -> Vec<Kept> {
        let kept = self.all.get(about).map_or(&[][..], |said| said.kept.as_slice());
        let live = kept.iter().filter(|k| k.remark.uid == uid && k.lives(now));
        let mut found: Vec<Kept> = live.map(|k| k.at(now)).collect();
        crate::sort::by_key(&mut found, |k| if k.is_new_form() { 0 } else { k.last.as_micros() / 1_000_000 });
        found
    }

    /// The events of a namespace (of all, if none is given) as objects, by namespace and name.
    pub fn objects(&self, wanted: Option<&str>, now: Instant) -> Vec<Arc<Object>> {
        let all = self.all.iter().filter(|(about, _)| wanted.is_none_or(|wanted| namespace(about) == wanted));
        let live = all.flat_map(|(_, said)| said.kept.iter()).filter(|k| k.lives(now));
        let mut found: Vec<Arc<Object>> = live.map(|k| Arc::new(k.at(now).object())).collect();
        crate::sort::by_key(&mut found, |o| (o.meta.namespace.clone(), o.meta.name.clone()));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remark(message: &str) -> Remark {
        let meta = Meta { name: "web".into(), namespace: "default".into(), uid: "u".into(), ..Meta::default() };
        Remark::warning(Kind::Pod, &meta, "kubelet", "BackOff", message.into()).on("n1").of("c")
    }

    #[test]
    fn the_same_again_raises_a_count_and_an_hour_is_enough() {
        let mut events = Events::default();
        let at = |seconds: u64| Instant::from_millis(seconds * 1000);
        let about = Ref::new(Kind::Pod, "default", "web");
        let say = |events: &mut Events, text: &str, s: u64| events.add(remark(text), Span::once(at(s)), s, at(s));
        say(&mut events, "a", 0);
        say(&mut events, "b", 5);
        say(&mut events, "a", 10);
        let seen: Vec<_> = events.of(&about, "u", at(20)).iter().map(|k| (k.remark.message.clone(), k.count)).collect();
        assert_eq!(seen, [("b".to_owned(), 1), ("a".to_owned(), 2)]);
        assert!(events.of(&about, "another", at(20)).is_empty());
        assert_eq!(events.of(&about, "u", at(3606)).len(), 1);
        assert_eq!(events.objects(None, at(3611)).len(), 0);
    }

    #[test]
    fn what_goes_on_is_counted_without_being_told() {
        let mut events = Events::default();
        let at = |seconds: u64| Instant::from_millis(seconds * 1000);
        let about = Ref::new(Kind::Pod, "default", "web");
        events.add(remark("a"), Span { every: Some(Duration::from_secs(10)), ..Span::once(at(3)) }, 1, at(3));
        let seen = |events: &Events, s: u64| events.of(&about, "u", at(s)).iter().map(|k| (k.count, k.last)).next();
        assert_eq!(seen(&events, 34), Some((4, at(33))));
        events.add(remark("a"), Span { times: 0, ..Span::once(at(40)) }, 2, at(40));
        assert_eq!(seen(&events, 90), Some((4, at(33))), "it was hushed");
    }

    #[test]
    fn many_that_are_alike_become_one_and_then_none() {
        let mut events = Events::default();
        for i in 0..300 {
            events.add(remark(&format!("pod {i}")), Span::once(Instant::ZERO), 1, Instant::ZERO);
        }
        let seen = events.of(&Ref::new(Kind::Pod, "default", "web"), "u", Instant::ZERO);
        assert_eq!(seen.len(), 10);
        let last = seen.iter().map(|k| (k.remark.message.as_str(), k.count)).next_back();
        assert_eq!(last, Some(("(combined from similar events): pod 24", 16)));
    }

    #[test]
    fn an_event_looks_like_one() {
        let mut events = Events::default();
        events.add(remark("a"), Span::once(Instant::from_millis(1500)), 7, Instant::from_millis(1500));
        let object = events.objects(Some("default"), Instant::from_millis(2000)).swap_remove(0);
        assert_eq!(object.meta.name, "web.18da58f2c2662f01");
        let tree = object.to_value();
        assert_eq!(tree["involvedObject"]["fieldPath"], "spec.containers{c}");
        assert_eq!((tree["type"].as_str(), tree["count"].as_i64()), (Some("Warning"), Some(1)));
        assert_eq!(tree["source"], json!({"component": "kubelet", "host": "n1"}));
        assert!(events.remove(&object.key()) && events.objects(None, Instant::ZERO).is_empty());
    }
}
