//! The same package as a module for other pages: `import init, { Lab } from "./kubehop.js"`.

use std::sync::Arc;
use std::time::Duration;

use kubehop::lang::Lang;
use kubehop::net::Tally;
use kubehop::object::{Kind, Profile, ProxyMode};
use kubehop::session::{Command, Reply, Session};
use kubehop::shell::Stream;
use kubehop::text::Source;
use kubehop::trace::{Trace, to_json, write_json};
use leptos::wasm_bindgen::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

/// A cluster with its terminal, its files and its log.
#[wasm_bindgen]
pub struct Lab {
    session: Session,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Wish {
    profile: Option<String>,
    seed: Option<u64>,
    proxy_mode: Option<ProxyMode>,
    lang: Option<Lang>,
}

fn error(text: impl AsRef<str>) -> JsValue {
    js_sys::Error::new(text.as_ref()).into()
}

/// A JavaScript value as JSON; nothing at all is an empty object.
fn read<T: for<'a> Deserialize<'a>>(value: &JsValue) -> Result<T, JsValue> {
    let text = if value.is_undefined() || value.is_null() {
        "{}".to_owned()
    } else {
        js_sys::JSON::stringify(value)?.as_string().unwrap_or_default()
    };
    serde_json::from_str(&text).map_err(|e| error(e.to_string()))
}

fn give(value: &Value) -> Result<JsValue, JsValue> {
    js_sys::JSON::parse(&value.to_string())
}

#[wasm_bindgen]
impl Lab {
    /// A fresh cluster: `new Lab({profile: "minikube", seed: 42, proxyMode: "iptables"})`, all of it optional.
    #[wasm_bindgen(constructor)]
    pub fn new(options: &JsValue) -> Result<Lab, JsValue> {
        let wish: Wish = read(options)?;
        let name = wish.profile.as_deref().unwrap_or("minikube");
        let mut profile = Profile::named(name).ok_or_else(|| error(format!("there is no profile {name:?}")))?;
        profile.proxy_mode = wish.proxy_mode.unwrap_or(profile.proxy_mode);
        Ok(Self { session: Session::new(profile, wish.seed.unwrap_or(42), wish.lang.unwrap_or_default()) })
    }

    /// Applies manifests: `{stdout, stderr, code, diagnostics}`.
    pub fn apply(&mut self, yaml: String) -> Result<JsValue, JsValue> {
        let reply = self.session.run(Command::Apply(Source::new("lab.yaml", yaml)));
        let mut told = told(&reply);
        told["diagnostics"] = serde_json::to_value(&reply.diagnostics).unwrap_or_default();
        give(&told)
    }

    /// Runs a line of the shell: `{stdout, stderr, code}`. What programs that go on have printed since the last line comes at its end.
    pub fn exec(&mut self, line: String) -> Result<JsValue, JsValue> {
        let mut reply = self.session.run(Command::Run { terminal: 0, line });
        reply.output.chunks.extend(self.session.take_printed(0));
        give(&told(&reply))
    }

    /// Sends requests, each a new connection unless they keep one alive:
    /// `{from: "laptop", url, count: 1, method: "GET", headers: {}, keepAlive: false}` gives their traces.
    pub fn request(&mut self, request: &JsValue) -> Result<JsValue, JsValue> {
        let traces = self.sent(request)?;
        let mut text = String::with_capacity(traces.len() * 6000);
        write_json(&mut text, traces.iter().map(|trace| &**trace), Lang::En);
        js_sys::JSON::parse(&text)
    }

    /// The same, but the traces stay here, the last 2,000 of them: `{first, last, outcomes, responders}`, where `first` and
    /// `last` are their ids, for [`Lab::trace`].
    pub fn send(&mut self, request: &JsValue) -> Result<JsValue, JsValue> {
        let traces = self.sent(request)?;
        let mut tally = Tally::default();
        for trace in &traces {
            tally.add(trace.outcome.kind, trace.outcome.responder.as_ref(), 1);
        }
        let mut told = counted(&tally);
        told["first"] = traces.first().map(|trace| trace.id).into();
        told["last"] = traces.last().map(|trace| trace.id).into();
        give(&told)
    }

    /// A trace that is kept, by its id; undefined if it is not there any more.
    pub fn trace(&self, id: f64) -> Result<JsValue, JsValue> {
        let traces = self.session.traces();
        let found = traces.binary_search_by(|trace| trace.id.cmp(&(id as u64)));
        let Some(trace) = found.ok().and_then(|at| traces.get(at)) else { return Ok(JsValue::UNDEFINED) };
        give(&to_json(trace, Lang::En))
    }

    /// How requests end, all at this moment and with no trace of them: `{outcomes: {answered: 9}, responders: {"pod/…": 3}}`.
    /// It takes what [`Lab::request`] takes; each is a new connection.
    pub fn probe(&mut self, request: &JsValue) -> Result<JsValue, JsValue> {
        let reply = self.session.run(Command::Tally(read(request)?));
        match &reply.tally {
            Some(tally) => give(&counted(tally)),
            None => Err(error(reply.output.on(Stream::Err))),
        }
    }

    /// Lets virtual time pass, in milliseconds.
    pub fn advance(&mut self, ms: f64) {
        let passed = Duration::from_micros((ms.max(0.0) * 1000.0) as u64);
        self.session.advance(self.session.cluster().now() + passed);
    }

    /// The virtual time, in milliseconds.
    pub fn now(&self) -> f64 {
        self.session.cluster().now().as_micros() as f64 / 1000.0
    }

    /// All objects, by kind.
    pub fn snapshot(&self) -> Result<JsValue, JsValue> {
        let store = self.session.cluster().store();
        let of = |kind: Kind| store.list(kind, None).map(|object| object.to_value()).collect::<Value>();
        give(&Kind::all().map(|kind| (kind.name().to_owned(), of(kind))).collect::<Value>())
    }

    /// The session, for [`Lab::from_session`], links and bug reports.
    pub fn session(&self) -> Result<JsValue, JsValue> {
        js_sys::JSON::parse(&self.session.to_json())
    }

    /// A session again.
    #[wasm_bindgen(js_name = fromSession)]
    pub fn from_session(session: &JsValue) -> Result<Lab, JsValue> {
        let text = js_sys::JSON::stringify(session)?.as_string().unwrap_or_default();
        let session = Session::from_json(&text, Lang::default()).map_err(error)?;
        Ok(Self { session })
    }
}

impl Lab {
    fn sent(&mut self, request: &JsValue) -> Result<Vec<Arc<Trace>>, JsValue> {
        let reply = self.session.run(Command::Request(read(request)?));
        if reply.output.code != 0 && reply.traces.is_empty() {
            return Err(error(reply.output.on(Stream::Err)));
        }
        Ok(reply.traces)
    }
}

fn counted(tally: &Tally) -> Value {
    let outcomes: Value = tally.outcomes.iter().map(|(kind, count)| (kind.name().to_owned(), *count)).collect();
    let responders: Value = tally.responders.iter().map(|(place, count)| (place.to_string(), *count)).collect();
    json!({"outcomes": outcomes, "responders": responders})
}

fn told(reply: &Reply) -> Value {
    json!({
        "stdout": reply.output.on(Stream::Out),
        "stderr": reply.output.on(Stream::Err),
        "code": reply.output.code,
    })
}
