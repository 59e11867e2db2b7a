//! One variant per rule that can decide.

/// A decision, with what a sentence about it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The client opened a socket.
    ClientConnects,
}
