//! The API server: the pipeline of one request, in order: default, validate, allocate, store.

pub mod status;
pub mod store;

pub use status::{Cause, Reason, Status};
pub use store::Store;
