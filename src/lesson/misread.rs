//! Why a text is no lesson or scenario, and where: [`Misread`].

use std::fmt;

use serde::de::DeserializeOwned;

/// What is wrong with a text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misread {
    /// Where.
    pub at: At,
    /// What, as an author would want to hear it.
    pub what: String,
}

/// A place in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum At {
    /// A line, from 1.
    Line(usize),
    /// A field, as `log[2].apply`.
    Field(String),
}

impl Misread {
    pub(super) fn at_line(line: usize, what: impl Into<String>) -> Self {
        Self { at: At::Line(line), what: what.into() }
    }

    pub(super) fn at_field(field: impl Into<String>, what: impl Into<String>) -> Self {
        Self { at: At::Field(field.into()), what: what.into() }
    }
}

impl fmt::Display for Misread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.at {
            At::Line(line) => write!(f, "line {line}: {}", self.what),
            At::Field(field) => write!(f, "{field}: {}", self.what),
        }
    }
}

/// Reads YAML that stands below so many other lines of its file.
pub(super) fn yaml<T: DeserializeOwned>(text: &str, above: usize) -> Result<T, Misread> {
    // With as many empty lines before it, every place that the reader names is one of the file.
    serde_yaml::from_str(&("\n".repeat(above) + text)).map_err(|error| {
        let told = error.to_string();
        let Some(at) = error.location() else { return Misread::at_line(above + 1, told) };
        let place = format!(" at line {} column {}", at.line(), at.column());
        Misread::at_line(at.line(), told.strip_suffix(&place).unwrap_or(&told))
    })
}
