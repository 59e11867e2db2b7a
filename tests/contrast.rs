//! The colours of `style/tokens.css` against what they are drawn on, by the formula of WCAG 2: text at least 4.5 to 1,
//! lines and shapes that carry a meaning at least 3 to 1. Tools that look at pages do not see text in SVG: this does.

use std::collections::BTreeMap;

/// What is written in one colour on others: names of tokens.
const TEXT: &[(&str, &[&str])] = &[
    // The page.
    ("ink", &["bg", "surface", "sunk", "raised", "room", "kernel", "kernel-on", "accent-soft", "dark", "pod"]),
    ("ink-2", &["bg", "surface", "sunk", "raised", "room", "kernel", "kernel-on", "accent-soft", "dark", "pod"]),
    ("ink-3", &["bg", "surface", "sunk", "raised", "room", "kernel", "kernel-on", "accent-soft", "dark", "pod"]),
    ("accent", &["bg", "surface", "sunk", "raised", "room", "accent-soft", "kernel-on"]),
    ("on-accent", &["accent"]),
    ("ok", &["surface", "room", "ok-soft"]),
    ("warn", &["surface", "room", "pod", "kernel", "warn-soft", "bg"]),
    ("err", &["bg", "surface", "sunk", "room", "kernel", "err-soft", "dark", "pod"]),
    ("surface", &["err", "ink"]),
    // Code, also on the line that caused the selected hop.
    ("code-key", &["surface", "accent-soft"]),
    ("code-str", &["surface", "accent-soft"]),
    ("code-num", &["surface", "accent-soft"]),
    ("code-punct", &["surface"]),
];

/// What tells something by its shape: lines, outlines, the ring of the focus.
const SHAPES: &[(&str, &[&str])] = &[
    ("wire", &["room"]),
    ("virtual", &["room", "kernel", "bg", "kernel-on"]),
    ("accent", &["bg", "surface", "sunk", "room", "kernel", "raised"]),
    ("ok", &["surface"]),
    ("err", &["surface", "room", "err-soft"]),
];

const REPLICAS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// A theme's tokens: those of `:root`, with what comes after `marker` in their place.
fn theme(sheet: &str, marker: Option<&str>) -> BTreeMap<String, [f64; 3]> {
    let block = |from: usize| {
        let rest = &sheet[from..];
        &rest[..rest.find("\n}").unwrap_or(rest.len())]
    };
    let mut tokens = BTreeMap::new();
    let starts = std::iter::once(sheet.find(":root {")).chain(marker.map(|marker| sheet.find(marker)));
    for start in starts {
        for part in block(start.expect("the sheet has this theme")).split(['{', ';', '\n']) {
            if let Some((name, value)) = part.trim().strip_prefix("--").and_then(|part| part.split_once(": #"))
                && value.len() == 6
            {
                let byte = |at: usize| f64::from(u8::from_str_radix(&value[at..at + 2], 16).expect("it is a colour"));
                tokens.insert(name.to_owned(), [byte(0), byte(2), byte(4)]);
            }
        }
    }
    tokens
}

fn luminance(colour: [f64; 3]) -> f64 {
    let linear = colour.map(|part| match part / 255.0 {
        part if part <= 0.04045 => part / 12.92,
        part => ((part + 0.055) / 1.055).powf(2.4),
    });
    0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
}

fn ratio(a: [f64; 3], b: [f64; 3]) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

fn sheet() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/style/tokens.css")).expect("the tokens are there")
}

#[test]
fn every_pair_has_contrast_enough_in_both_themes() {
    let sheet = sheet();
    let mut problems = Vec::new();
    for (name, marker) in [("light", None), ("dark", Some(":root[data-theme=\"dark\"]"))] {
        let tokens = theme(&sheet, marker);
        let mut check = |front: &str, back: &str, least: f64| {
            let of = |token: &str| *tokens.get(token).unwrap_or_else(|| panic!("--{token} is no colour of the sheet"));
            let is = ratio(of(front), of(back));
            if is < least {
                problems.push(format!("{name}: --{front} on --{back} is {is:.2}, less than {least}"));
            }
        };
        for (pairs, least) in [(TEXT, 4.5), (SHAPES, 3.0)] {
            for (front, backs) in pairs {
                backs.iter().for_each(|back| check(front, back, least));
            }
        }
        for replica in REPLICAS {
            let token = |part: &str| format!("{replica}-{part}");
            // The letter in its mark; the address that a packet takes; the address at a rule that picked it.
            check(&token("ink"), &token("fill"), 4.5);
            for back in [&token("soft"), "kernel-on", "surface", "pod"] {
                check(&token("line"), back, 4.5);
            }
            // The outline of a mark.
            for back in ["room", "kernel", "surface", "bg"] {
                check(&token("line"), back, 3.0);
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn the_dark_theme_is_the_same_chosen_or_from_the_system() {
    let sheet = sheet();
    assert_eq!(
        theme(&sheet, Some(":root:not([data-theme=\"light\"])")),
        theme(&sheet, Some(":root[data-theme=\"dark\"]"))
    );
}
