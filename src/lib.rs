//! kubehop's model: a Kubernetes cluster that runs in a web page, a terminal or a test.
//!
//! # The flow
//!
//! Text goes in at the top, pictures come out at the bottom, and every stage takes values and gives values:
//!
//! 1. [`manifest::parse`] reads a learner's YAML strictly: objects, and every problem at its place.
//! 2. [`api`] takes one request at a time as the API server does: default, validate, allocate, store.
//! 3. [`controller`] reconciles: functions from the store to changes, woken by the store's log of changes.
//! 4. [`net`] compiles the store to what the machines hold (links, routes and the rules that kube-proxy would write) and
//!    judges packets by interpreting those rules; each request leaves a [`trace::Trace`] whose hops name the rule that
//!    decided and the manifest's field behind it.
//! 5. [`cluster::Cluster`] puts 2 to 4 on one virtual clock. It is a value: a clone is a snapshot.
//! 6. [`shell::run`] is the terminal: kubectl, minikube, curl and what else stands on a laptop, a node or in a pod.
//! 7. [`session::Session`] is a seed, a profile and the log of commands; its state is their fold. Undo, reset, share links
//!    and bug reports replay that log.
//! 8. [`scene`] turns a snapshot and its traces into plain data to draw; [`lesson`] judges what the learner did, and proves
//!    lessons; [`assist`] helps who writes, and [`diagnose`] finds what is wrong with the manifests as a whole.
//!
//! The program around this library has two faces: without features the command line, with the feature `web` the page.
//!
//! # What holds everywhere
//!
//! - Modules stand in reading order and use only those above them. `tests/tidy.rs` keeps the table.
//! - Nothing here knows a clock, a hash map, a browser or a signal: time is an argument, chance is a fork of one seeded
//!   [`rng::Rng`], collections are ordered. The same session gives the same bytes natively and in a browser.
//! - The user's wrong text is a value ([`diag::Diagnostic`]), the server's refusal is a [`api::Status`], our own bug is an
//!   assertion. A packet that nobody answers is none of these: it is a complete trace.
//! - A fact has an address: [`object::FieldRef`], an object and a path. Spans shift with every keystroke; addresses stay.
//! - Whoever decides says why: rules carry their [`trace::Because`], so explaining needs no second walk.
//!
//! # How objects are typed
//!
//! Two ways were measured with every kind linked (`src/manifest/schema.rs` has the method and all rows). The structs of
//! `k8s-openapi`, decoded by serde, weigh 224,633 bytes in brotli for our eight kinds, 316,922 with strict decoding and the
//! kinds still to come, and know no places. One table of fields, generated from the same crate, with small structs of our own
//! read by tables of fields, weighs 110,919 bytes, reports every error at its place in the server's words, and drives the
//! editor's completion. So the table it is.

pub mod time;
pub mod rng;
pub mod sort;
pub mod text;
pub mod inet;
pub mod diag;
pub mod lang;
pub mod object;
pub mod manifest;
pub mod api;
pub mod controller;
pub mod trace;
pub mod net;
pub mod cluster;
pub mod shell;
pub mod session;
pub mod assist;
pub mod diagnose;
pub mod lesson;
pub mod scene;
