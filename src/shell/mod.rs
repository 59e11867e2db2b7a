//! The shell: [`run`] takes a cluster, where one stands, and a line; gives what a terminal would show.
//!
//! The page's terminal, the command line and the JavaScript module share it. Knows nothing of the screen.

use std::collections::BTreeMap;

use crate::cluster::Cluster;
use crate::lang::Lang;
use crate::trace::{Place, Trace};

/// Which of a program's two outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// What a line gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Output {
    /// What was printed, in order, as on a terminal.
    pub chunks: Vec<(Stream, String)>,
    /// Exit status.
    pub code: i32,
    /// The requests that the line sent, in order.
    pub traces: Vec<Trace>,
    /// Whether the terminal is to be emptied (`clear`).
    pub clear: bool,
}

/// A terminal: where it stands and what it knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Terminal {
    /// Where it stands: the laptop, then what was entered from it; never empty.
    pub places: Vec<Place>,
    /// The namespace of kubectl's context.
    pub namespace: String,
    /// The language of the lab's own remarks; tools' texts are always English.
    pub lang: Lang,
}

/// The laptop's files: the editor's tabs, by name.
pub type Files = BTreeMap<String, String>;

/// Runs one line. Time passes in the cluster as the line's commands take it.
pub fn run(_cluster: &mut Cluster, _terminal: &mut Terminal, _files: &mut Files, _line: &str) -> Output {
    todo!()
}

impl Output {
    /// All that was printed on one stream.
    pub fn on(&self, stream: Stream) -> String {
        self.chunks.iter().filter(|(s, _)| *s == stream).map(|(_, text)| text.as_str()).collect()
    }
}
