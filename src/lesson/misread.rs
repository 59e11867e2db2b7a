//! Why a text is no lesson or scenario, and where: [`Misread`].

use std::fmt;

use serde::de::DeserializeOwned;

use crate::lang::Lang;

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

impl Misread {
    /// Where and what, for a page in a language. What is wrong is told as the reader of YAML tells it, in English.
    pub fn text(&self, lang: Lang) -> String {
        match &self.at {
            At::Line(line) => lang.pick(format!("line {line}: {}", self.what), format!("第 {line} 行：{}", self.what)),
            At::Field(field) => lang.pick(format!("{field}: {}", self.what), format!("{field}：{}", self.what)),
        }
    }
}

impl fmt::Display for Misread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Lang::En))
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
