//! kubehop's model: a Kubernetes cluster that runs in a web page.

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
pub mod lesson;
pub mod scene;
