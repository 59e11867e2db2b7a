//! How minikube tells things: signs before lines, `Exiting due to …`, boxes and tables, as on a terminal with colours.
//!
//! Stands for minikube `pkg/minikube/out`, `pkg/minikube/exit` and, for tables, `olekukonko/tablewriter` 1.x.

use super::super::Io;

/// `exit.Message`: gives the exit status.
pub(in crate::shell) fn exit(io: &mut Io, id: &str, code: i32, message: &str) -> i32 {
    io.out("\n");
    io.err(format!("❌  Exiting due to {id}: {message}\n"));
    io.out("\n");
    code
}

/// `exit.Error`: the same, with the request to tell the makers; `command` is minikube's, for the name of its log.
pub(in crate::shell) fn exit_error(io: &mut Io, id: &str, code: i32, message: &str, command: &str) -> i32 {
    io.out("\n");
    io.err(format!("❌  Exiting due to {id}: {message}\n\n"));
    // minikube names its log after a hash of its arguments.
    let log = format!("- /tmp/minikube_{command}_{}_0.log", &super::super::container_id(message)[..40]);
    io.err(boxed(&[
        "😿  If the above advice does not help, please let us know:",
        "👉  https://github.com/kubernetes/minikube/issues/new/choose",
        "",
        "Please run `minikube logs --file=logs.txt` and attach logs.txt to the GitHub issue.",
        "Please also attach the following file to the GitHub issue:",
        &log,
    ]));
    io.out("\n");
    code
}

/// Lines in a box with round corners.
fn boxed(lines: &[&str]) -> String {
    const MARGIN: usize = 4;
    let widest = lines.iter().map(|line| width(line)).max().unwrap_or(0);
    let inner = widest + 2 * MARGIN;
    let edge = |left: char, right: char| format!("{left}{}{right}\n", "─".repeat(inner));
    let row = |line: &str| format!("│{}{line}{}│\n", " ".repeat(MARGIN), " ".repeat(inner - MARGIN - width(line)));
    let mut text = edge('╭', '╮') + &row("");
    lines.iter().for_each(|line| text += &row(line));
    text + &row("") + &edge('╰', '╯')
}

/// How many columns a line takes: signs take two.
fn width(line: &str) -> usize {
    line.chars().map(|c| if c >= '\u{1f000}' || c == '✅' { 2 } else { 1 }).sum()
}

/// A table with a frame: titles in the middle, cells of several lines at the left.
pub(in crate::shell) fn table(titles: &[&str], rows: &[Vec<String>]) -> String {
    let widest = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).flat_map(|cell| cell.lines()).map(width);
        cells.chain(titles.get(column).map(|title| width(title))).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..titles.len()).map(widest).collect();
    let edge = |left: &str, cross: &str, right: &str| {
        let lines: Vec<String> = widths.iter().map(|width| "─".repeat(width + 2)).collect();
        format!("{left}{}{right}\n", lines.join(cross))
    };
    let mut text = edge("┌", "┬", "┐");
    for (title, width) in titles.iter().zip(&widths) {
        text += &format!("│ {title:^width$} ");
    }
    text += "│\n";
    text += &edge("├", "┼", "┤");
    for row in rows {
        let height = row.iter().map(|cell| cell.lines().count()).max().unwrap_or(1).max(1);
        for i in 0..height {
            for (cell, width) in row.iter().zip(&widths) {
                let line = cell.lines().nth(i).unwrap_or_default();
                text += &format!("│ {line}{} ", " ".repeat(width - self::width(line).min(*width)));
            }
            text += "│\n";
        }
    }
    text + &edge("└", "┴", "┘")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_those_of_minikubes_own_tests() {
        let row = ["foo", "bar", "baz", "nah"].map(String::from).to_vec();
        let expected = "\
┌───────────┬──────┬─────────────┬─────┐
│ NAMESPACE │ NAME │ TARGET PORT │ URL │
├───────────┼──────┼─────────────┼─────┤
│ foo       │ bar  │ baz         │ nah │
└───────────┴──────┴─────────────┴─────┘
";
        assert_eq!(table(&["NAMESPACE", "NAME", "TARGET PORT", "URL"], &[row]), expected);
    }

    #[test]
    fn titles_stand_in_the_middle_and_cells_have_lines() {
        let row = ["kube-system", "traefik", "traefik/8080\nweb/80", "a\nb"].map(String::from).to_vec();
        let text = table(&["NAMESPACE", "NAME", "TARGET PORT", "URL"], &[row]);
        assert_eq!(text.lines().nth(1), Some("│  NAMESPACE  │  NAME   │ TARGET PORT  │ URL │"));
        assert_eq!(text.lines().nth(4), Some("│             │         │ web/80       │ b   │"));
    }
}
