//! What `kubectl describe` prints on: lines with tabs, which become columns.
//!
//! Stands for Go's `text/tabwriter` with a padding of two, and the small printers of `k8s.io/kubectl` `pkg/describe`.

use crate::object::Labels;
use crate::time::{BIRTH, Instant};

/// Annotations that only tools read.
const SKIPPED: [&str; 1] = ["kubectl.kubernetes.io/last-applied-configuration"];

/// Longer annotations stand on a line of their own.
const LONGEST_ANNOTATION: usize = 140;

/// Lines with tabs.
#[derive(Default)]
pub(super) struct Report(String);

impl Report {
    /// A line at a level of indent.
    pub(super) fn line(&mut self, level: usize, text: &str) {
        self.0.extend(std::iter::repeat_n("  ", level));
        self.0 += text;
        self.0.push('\n');
    }

    /// The whole text, in columns.
    pub(super) fn text(self) -> String {
        columns(&self.0)
    }

    /// A title, then lines below each other.
    pub(super) fn list(&mut self, title: &str, lines: &[String]) {
        if lines.is_empty() {
            return self.line(0, &format!("{title}:\t<none>"));
        }
        for (i, line) in lines.iter().enumerate() {
            self.line(0, &if i == 0 { format!("{title}:\t{line}") } else { format!("\t{line}") });
        }
    }

    /// `printLabelsMultiline`
    pub(super) fn labels(&mut self, title: &str, labels: &Labels) {
        let lines: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        self.list(title, &lines);
    }

    /// `printAnnotationsMultiline`
    pub(super) fn annotations(&mut self, title: &str, annotations: &Labels) {
        let mut lines = Vec::new();
        for (key, value) in annotations.iter().filter(|(key, _)| !SKIPPED.contains(&key.as_str())) {
            let value = value.strip_suffix('\n').unwrap_or(value);
            if key.len() + value.len() + 2 > LONGEST_ANNOTATION || value.contains('\n') {
                lines.push(format!("{key}:"));
                for line in value.split('\n') {
                    let cut: String = line.chars().take(LONGEST_ANNOTATION - 2).collect();
                    lines.push(format!("  {cut}{}", if cut.len() < line.len() { "..." } else { "" }));
                }
            } else {
                lines.push(format!("{key}: {value}"));
            }
        }
        self.list(title, &lines);
    }
}

/// `<none>` for nothing.
pub(super) fn none(text: &str) -> String {
    if text.is_empty() { "<none>".into() } else { text.to_owned() }
}

/// `Thu, 01 Oct 2026 08:00:00 +0000`, Go's RFC1123Z.
pub(in crate::shell) fn calendar(at: Instant) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    // The first of January 1970 was a Thursday.
    let days = (BIRTH + (at.as_micros() / 1_000_000) as i64) / 86_400;
    let text = at.rfc3339();
    let month = text[5..7].parse::<usize>().unwrap_or(1).clamp(1, 12);
    format!(
        "{}, {} {} {} {} +0000",
        DAYS[(days % 7) as usize],
        &text[8..10],
        MONTHS[month - 1],
        &text[..4],
        &text[11..19]
    )
}

/// Tabs to columns: a column is a run of lines that all have a cell there with a tab after it.
fn columns(text: &str) -> String {
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    let mut widths: Vec<Vec<usize>> = lines.iter().map(|cells| vec![0; cells.len() - 1]).collect();
    let most = widths.iter().map(Vec::len).max().unwrap_or(0);
    for column in 0..most {
        let mut from = 0;
        while from < lines.len() {
            if widths[from].len() <= column {
                from += 1;
                continue;
            }
            let run = widths[from..].iter().take_while(|cells| cells.len() > column).count();
            let width =
                lines[from..from + run].iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0) + 2;
            widths[from..from + run].iter_mut().for_each(|cells| cells[column] = width);
            from += run;
        }
    }
    let mut out = String::new();
    for (cells, widths) in lines.iter().zip(&widths) {
        for (i, cell) in cells.iter().enumerate() {
            out += cell;
            if let Some(width) = widths.get(i) {
                out.extend(std::iter::repeat_n(' ', width - cell.chars().count()));
            }
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_end_where_a_line_has_none() {
        assert_eq!(
            columns("Name:\tweb\nPort:\t<unset>\t80/TCP\nIPs:\n  IP:\t10.0.0.1\n"),
            "Name:  web\nPort:  <unset>  80/TCP\nIPs:\n  IP:  10.0.0.1\n"
        );
    }

    #[test]
    fn dates_have_their_day() {
        assert_eq!(calendar(Instant::ZERO), "Thu, 01 Oct 2026 08:00:00 +0000");
    }
}
