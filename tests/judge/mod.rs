//! A Linux kernel that judges: network namespaces with the model's rules in them, and real connections.

pub(crate) mod agent;
pub(crate) mod lab;
pub(crate) mod spread;
