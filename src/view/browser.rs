//! The browser, behind plain functions: storage, clipboard, address, preferences, timers, compression.
//!
//! Every call may be refused (private windows, sandboxed frames); then nothing happens and the page goes on.

use gloo_timers::callback::Timeout;
use js_sys::{Reflect, Uint8Array};
use leptos::prelude::*;
use leptos::wasm_bindgen::prelude::*;
use leptos::wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Element, HtmlElement, HtmlScriptElement, ResizeObserver, Storage};

/// What the address bar asks for: `?name=value`.
pub fn query(name: &str) -> Option<String> {
    let search = window().location().search().ok()?;
    web_sys::UrlSearchParams::new_with_str(&search).ok()?.get(name)
}

/// The address bar's fragment, without `#`.
pub fn fragment() -> String {
    window().location().hash().unwrap_or_default().trim_start_matches('#').to_owned()
}

/// The page's address with another fragment and without its query's `drop` parameter.
pub fn address(fragment: &str, drop: &str) -> String {
    let location = window().location();
    let base = format!("{}{}", location.origin().unwrap_or_default(), location.pathname().unwrap_or_default());
    let search = location.search().ok().and_then(|s| web_sys::UrlSearchParams::new_with_str(&s).ok());
    let search = search.map(|s| {
        s.delete(drop);
        String::from(s.to_string())
    });
    let search = search.filter(|s| !s.is_empty()).map(|s| format!("?{s}")).unwrap_or_default();
    if fragment.is_empty() { format!("{base}{search}") } else { format!("{base}{search}#{fragment}") }
}

/// Puts a parameter of the query into the address bar, or takes it out; a fragment goes with what it stood for.
pub fn ask(name: &str, value: Option<&str>) {
    let location = window().location();
    let Ok(search) = location.search() else { return };
    let Ok(asked) = web_sys::UrlSearchParams::new_with_str(&search) else { return };
    for gone in [name, "seed", "profile"] {
        asked.delete(gone);
    }
    if let Some(value) = value {
        asked.set(name, value);
    }
    let (path, query) = (location.pathname().unwrap_or_default(), String::from(asked.to_string()));
    set_address(&if query.is_empty() { path } else { format!("{path}?{query}") });
}

/// Opens the page anew with another query, and without a fragment.
pub fn visit(query: &str) {
    let location = window().location();
    let path = location.pathname().unwrap_or_default();
    let _ = location.assign(&format!("{path}{query}"));
}

/// Puts an address into the address bar without loading it.
pub fn set_address(address: &str) {
    let history = window().history();
    let _ = history.and_then(|h| h.replace_state_with_url(&JsValue::NULL, "", Some(address)));
}

/// The languages the reader asks for, first choice first.
pub fn languages() -> Vec<String> {
    window().navigator().languages().iter().filter_map(|tag| tag.as_string()).collect()
}

/// Whether the keyboard has a Command key.
pub fn has_command_key() -> bool {
    let agent = window().navigator().user_agent().unwrap_or_default();
    agent.contains("Mac") || agent.contains("iPhone") || agent.contains("iPad")
}

fn storage() -> Option<Storage> {
    window().local_storage().ok().flatten()
}

/// What the browser keeps under a name.
pub fn kept(name: &str) -> Option<String> {
    storage()?.get_item(&format!("kubehop.{name}")).ok().flatten()
}

/// Keeps a text under a name; an empty one is forgotten.
pub fn keep(name: &str, text: &str) {
    let Some(storage) = storage() else { return };
    let name = format!("kubehop.{name}");
    let _ = if text.is_empty() { storage.remove_item(&name) } else { storage.set_item(&name, text) };
}

/// What this tab keeps under a name, which a reload does not lose whatever other tabs do; else what any tab kept last.
pub fn kept_here(name: &str) -> Option<String> {
    let own = window().session_storage().ok().flatten()?.get_item(&format!("kubehop.{name}")).ok().flatten();
    // An empty text says that this tab has forgotten it.
    own.or_else(|| kept(name)).filter(|text| !text.is_empty())
}

/// Keeps a text for this tab, and for tabs to come.
pub fn keep_here(name: &str, text: &str) {
    keep(name, text);
    if let Ok(Some(storage)) = window().session_storage() {
        let _ = storage.set_item(&format!("kubehop.{name}"), text);
    }
}

/// Calls `then` whenever the page is about to go or to be hidden.
pub fn on_hide(then: impl Fn() + 'static) {
    let listener = Closure::<dyn Fn()>::new(then).into_js_value();
    let _ = window().add_event_listener_with_callback("pagehide", listener.unchecked_ref());
}

/// Whether a media query holds now.
pub fn matches(query: &str) -> bool {
    window().match_media(query).ok().flatten().is_some_and(|list| list.matches())
}

/// A signal that follows a media query for as long as the page lives.
pub fn follow(query: &str) -> ReadSignal<bool> {
    let (read, write) = signal(matches(query));
    if let Ok(Some(list)) = window().match_media(query) {
        let told = list.clone();
        let on_change = Closure::<dyn FnMut()>::new(move || write.set(told.matches()));
        list.set_onchange(Some(on_change.as_ref().unchecked_ref()));
        on_change.forget();
        std::mem::forget(list);
    }
    read
}

/// The text of a file of the page's own host.
pub async fn fetch(path: &str) -> Option<String> {
    let response = JsFuture::from(window().fetch_with_str(path)).await.ok()?;
    let response: web_sys::Response = response.dyn_into().ok()?;
    let text = JsFuture::from(response.ok().then(|| response.text().ok())??).await.ok()?;
    text.as_string()
}

/// Reads files that the reader chose or dropped; calls `then` with the name and text of each that is text.
pub fn read_files(list: &JsValue, then: impl Fn(String, String) + Copy + 'static) {
    for file in js_sys::Array::from(list).iter() {
        let name = Reflect::get(&file, &"name".into()).ok().and_then(|name| name.as_string()).unwrap_or_default();
        let blob: web_sys::Blob = file.unchecked_into();
        if blob.size() > 5e6 {
            continue;
        }
        let promise = blob.text();
        leptos::task::spawn_local(async move {
            if let Some(text) = JsFuture::from(promise).await.ok().and_then(|text| text.as_string()) {
                then(name, text);
            }
        });
    }
}

/// Hands a text to the reader as a file.
pub fn download(name: &str, text: &str) {
    let Ok(link) = document().create_element("a") else { return };
    let link: HtmlElement = link.unchecked_into();
    let encoded = String::from(js_sys::encode_uri_component(text));
    let _ = link.set_attribute("href", &format!("data:text/yaml;charset=utf-8,{encoded}"));
    let _ = link.set_attribute("download", name);
    link.click();
}

/// Copies a text, then says whether it could.
pub fn copy(text: &str, then: impl FnOnce(bool) + 'static) {
    let navigator = window().navigator();
    // Outside of secure contexts there is no clipboard at all.
    if Reflect::get(&navigator, &"clipboard".into()).map_or(true, |clipboard| clipboard.is_undefined()) {
        return then(false);
    }
    let promise = navigator.clipboard().write_text(text);
    leptos::task::spawn_local(async move { then(JsFuture::from(promise).await.is_ok()) });
}

/// Milliseconds of a clock that never goes back.
pub fn clock() -> f64 {
    window().performance().map_or(0.0, |performance| performance.now())
}

/// Calls `then` after some milliseconds.
pub fn later(ms: u32, then: impl FnOnce() + 'static) {
    Timeout::new(ms, then).forget();
}

/// Calls `then` once the whole program is here: at once, unless the page came in two halves and waits for the second
/// (`tools/split.mjs`).
pub fn when_whole(then: impl FnOnce() + 'static) {
    let whole = Reflect::get(&window(), &"kubehopWhole".into()).ok();
    let Some(whole) = whole.and_then(|whole| whole.dyn_into::<js_sys::Promise>().ok()) else { return then() };
    leptos::task::spawn_local(async move {
        // Without the second half nothing can be done.
        if JsFuture::from(whole).await.is_ok() {
            then();
        }
    });
}

/// Calls `then` before the next frame is drawn, with the frame's time in milliseconds.
pub fn next_frame(then: impl FnOnce(f64) + 'static) {
    let callback = Closure::once_into_js(then);
    let _ = window().request_animation_frame(callback.unchecked_ref());
}

/// Sets or removes an attribute of the root element.
pub fn mark_root(attribute: &str, value: Option<&str>) {
    let Some(root) = document().document_element() else { return };
    let _ = match value {
        Some(value) => root.set_attribute(attribute, value),
        None => root.remove_attribute(attribute),
    };
}

/// Loads a module script once, then says whether it came.
pub fn load_script(path: &str, then: impl FnOnce(bool) + 'static) {
    let Ok(script) = document().create_element("script") else { return then(false) };
    let script: HtmlScriptElement = script.unchecked_into();
    script.set_type("module");
    script.set_src(path);
    let then = std::rc::Rc::new(std::cell::Cell::new(Some(then)));
    let told = std::rc::Rc::clone(&then);
    let on_load = Closure::once_into_js(move || {
        if let Some(then) = told.take() {
            then(true)
        }
    });
    let on_error = Closure::once_into_js(move || {
        if let Some(then) = then.take() {
            then(false)
        }
    });
    script.set_onload(Some(on_load.unchecked_ref()));
    script.set_onerror(Some(on_error.unchecked_ref()));
    if let Some(head) = document().head() {
        let _ = head.append_child(&script);
    }
}

/// Calls `then` with an element's height whenever its size changes, for as long as the page lives.
pub fn watch_height(element: &Element, then: impl Fn(f64) + 'static) {
    let target: HtmlElement = element.clone().unchecked_into();
    let on_resize = Closure::<dyn FnMut()>::new(move || then(f64::from(target.offset_height())));
    if let Ok(observer) = ResizeObserver::new(on_resize.as_ref().unchecked_ref()) {
        observer.observe(element);
        std::mem::forget(observer);
    }
    on_resize.forget();
}

/// Tells the page that frames this one how high it wants to be.
pub fn tell_height(height: f64) {
    let Ok(Some(parent)) = window().parent() else { return };
    let message = js_sys::Object::new();
    let _ = Reflect::set(&message, &"type".into(), &"kubehop:height".into());
    let _ = Reflect::set(&message, &"height".into(), &height.into());
    let _ = parent.post_message(&message, "*");
}

/// Gives the focus to the first element that a selector finds.
pub fn focus(selector: &str) {
    if let Ok(Some(element)) = document().query_selector(selector) {
        let _ = element.unchecked_into::<HtmlElement>().focus();
    }
}

/// Opens the browser's own way to paper.
pub fn print() {
    let _ = window().print();
}

/// Loads the page again.
pub fn reload() {
    let _ = window().location().reload();
}

/// A text, compressed and spelled with letters that an address may hold.
pub async fn pack(text: String) -> Option<String> {
    let stream = CompressionStream::new(FORMAT).ok()?;
    let bytes = through(text.as_bytes(), stream.unchecked_ref()).await?;
    Some(data_encoding::BASE64URL_NOPAD.encode(&bytes))
}

/// What [`pack`] was given.
pub async fn unpack(packed: &str) -> Option<String> {
    let bytes = data_encoding::BASE64URL_NOPAD.decode(packed.as_bytes()).ok()?;
    let stream = DecompressionStream::new(FORMAT).ok()?;
    String::from_utf8(through(&bytes, stream.unchecked_ref()).await?).ok()
}

const FORMAT: &str = "deflate-raw";

// Both are pairs of a readable and a writable stream; web-sys has them as unstable only.
#[wasm_bindgen]
extern "C" {
    type CompressionStream;
    #[wasm_bindgen(constructor, catch)]
    fn new(format: &str) -> Result<CompressionStream, JsValue>;
    type DecompressionStream;
    #[wasm_bindgen(constructor, catch)]
    fn new(format: &str) -> Result<DecompressionStream, JsValue>;
}

async fn through(bytes: &[u8], pair: &web_sys::ReadableWritablePair) -> Option<Vec<u8>> {
    let parts = js_sys::Array::of1(&Uint8Array::from(bytes));
    let blob = web_sys::Blob::new_with_u8_array_sequence(&parts).ok()?;
    let stream = blob.stream().pipe_through(pair);
    let response = web_sys::Response::new_with_opt_readable_stream(Some(&stream)).ok()?;
    let buffer = JsFuture::from(response.array_buffer().ok()?).await.ok()?;
    Some(Uint8Array::new(&buffer).to_vec())
}
