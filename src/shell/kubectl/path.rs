//! JSONPath, as `kubectl get -o jsonpath=…` reads it.
//!
//! Stands for `k8s.io/client-go` `util/jsonpath`: texts, fields, indices, slices, `[*]`, `['a.b']`, filters on equality, `{range}` and
//! `{"\n"}`. Left out: `..`, unions, and comparisons other than `==` and `!=`.

use serde_json::Value;

/// Prints what a template says of a tree; an error is kubectl's.
pub(super) fn print(template: &str, root: &Value) -> Result<String, String> {
    let parts = split(template)?;
    let mut text = String::new();
    render(&parts, root, root, template, &mut text)?;
    Ok(text)
}

/// The values at `metadata.name`, `.metadata.name` or `{.metadata.name}`: a path as `--sort-by` and custom columns take it.
pub(super) fn relaxed<'v>(path: &str, tree: &'v Value) -> Result<Vec<&'v Value>, String> {
    let bare = path.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')).unwrap_or(path);
    find(bare.strip_prefix('.').unwrap_or(bare), tree, tree)
}

/// A part of a template.
enum Part<'t> {
    Text(&'t str),
    Action(&'t str),
}

/// Cuts a template at its braces.
fn split(template: &str) -> Result<Vec<Part<'_>>, String> {
    let mut parts = Vec::new();
    let mut rest = template;
    // `jsonpath=.spec.x` without braces is read as if it had them.
    if !template.contains('{') {
        return Ok(vec![Part::Action(template)]);
    }
    while let Some(at) = rest.find('{') {
        if at > 0 {
            parts.push(Part::Text(&rest[..at]));
        }
        let mut quote = None;
        let end = rest[at..].char_indices().find(|(_, c)| {
            match (quote, *c) {
                (None, '"' | '\'') => quote = Some(*c),
                (Some(open), c) if open == c => quote = None,
                _ => {}
            }
            quote.is_none() && *c == '}'
        });
        let Some((end, _)) = end else {
            return Err(format!("error parsing jsonpath {template}, unclosed action"));
        };
        parts.push(Part::Action(rest[at + 1..at + end].trim()));
        rest = &rest[at + end + 1..];
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest));
    }
    Ok(parts)
}

fn render(parts: &[Part], here: &Value, root: &Value, template: &str, text: &mut String) -> Result<(), String> {
    let mut i = 0;
    while let Some(part) = parts.get(i) {
        i += 1;
        match part {
            Part::Text(plain) => *text += plain,
            Part::Action(action) if action.starts_with("range ") => {
                let mut depth = 1;
                let end = parts[i..].iter().position(|part| {
                    match part {
                        Part::Action("end") => depth -= 1,
                        Part::Action(action) if action.starts_with("range ") => depth += 1,
                        _ => {}
                    }
                    depth == 0
                });
                let Some(end) = end else {
                    return Err(format!("error parsing jsonpath {template}, not in range, nothing to end"));
                };
                for item in find(action["range ".len()..].trim(), here, root)? {
                    render(&parts[i..i + end], item, root, template, text)?;
                }
                i += end + 1;
            }
            Part::Action("end") => {
                return Err(format!("error parsing jsonpath {template}, not in range, nothing to end"));
            }
            Part::Action(action) => match quoted(action) {
                Some(plain) => *text += &super::super::host::unescape(plain),
                None => {
                    let found = find(action, here, root)?;
                    *text += &found.iter().map(|value| shown(value)).collect::<Vec<_>>().join(" ");
                }
            },
        }
    }
    Ok(())
}

fn quoted(text: &str) -> Option<&str> {
    let inner = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or(inner('\''))
}

pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// The values that a path leads to.
fn find<'v>(path: &str, here: &'v Value, root: &'v Value) -> Result<Vec<&'v Value>, String> {
    let (mut values, mut rest) = match path.strip_prefix('$') {
        Some(rest) => (vec![root], rest),
        None => (vec![here], path.strip_prefix('@').unwrap_or(path)),
    };
    if rest.starts_with("..") {
        return Err("the lab's jsonpath has no ..".into());
    }
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let mut quote = None;
            let mut depth = 1;
            let end = inner.char_indices().find(|(_, c)| {
                match (quote, *c) {
                    (None, '"' | '\'') => quote = Some(*c),
                    (Some(open), c) if open == c => quote = None,
                    (None, '[') => depth += 1,
                    (None, ']') => depth -= 1,
                    _ => {}
                }
                depth == 0
            });
            let Some((end, _)) = end else { return Err("unterminated array".into()) };
            values = index(&inner[..end], &values, root)?;
            rest = &inner[end + 1..];
        } else {
            rest = rest.strip_prefix('.').unwrap_or(rest);
            // `\.` is a dot within a name.
            let mut name = String::new();
            let mut chars = rest.char_indices().peekable();
            let mut end = rest.len();
            while let Some((at, c)) = chars.next() {
                match c {
                    '.' | '[' => {
                        end = at;
                        break;
                    }
                    '\\' if chars.peek().is_some() => name.extend(chars.next().map(|(_, c)| c)),
                    c => name.push(c),
                }
            }
            rest = &rest[end..];
            if name.is_empty() {
                continue;
            }
            values = field(&name, &values);
        }
    }
    Ok(values)
}

fn field<'v>(name: &str, values: &[&'v Value]) -> Vec<&'v Value> {
    let mut found = Vec::new();
    for value in values {
        match value {
            Value::Object(map) if name == "*" => found.extend(map.values()),
            Value::Array(list) if name == "*" => found.extend(list),
            Value::Object(map) => found.extend(map.get(name)),
            _ => {}
        }
    }
    found
}

fn index<'v>(inside: &str, values: &[&'v Value], root: &'v Value) -> Result<Vec<&'v Value>, String> {
    if let Some(name) = quoted(inside) {
        return Ok(field(name, values));
    }
    if inside == "*" {
        return Ok(field("*", values));
    }
    let lists = values.iter().filter_map(|value| value.as_array());
    if let Some(condition) = inside.strip_prefix("?(").and_then(|inner| inner.strip_suffix(')')) {
        let (path, wanted, equal) = match (condition.split_once("=="), condition.split_once("!=")) {
            (Some((path, wanted)), _) => (path.trim(), wanted.trim(), true),
            (_, Some((path, wanted))) => (path.trim(), wanted.trim(), false),
            _ => (condition.trim(), "", false),
        };
        let mut found = Vec::new();
        for item in lists.flatten() {
            let values = find(path, item, root)?;
            let same = values.iter().any(|value| shown(value) == quoted(wanted).unwrap_or(wanted));
            if !values.is_empty() && same == equal {
                found.push(item);
            }
        }
        return Ok(found);
    }
    let number = |text: &str, none: i64| if text.is_empty() { Ok(none) } else { text.trim().parse::<i64>() };
    let wrong = |_| format!("invalid array index {inside}");
    let mut found = Vec::new();
    for list in lists {
        let length = list.len() as i64;
        let from_end = |n: i64| if n < 0 { n + length } else { n };
        match inside.split_once(':') {
            Some((from, to)) => {
                let (from, to) =
                    (from_end(number(from, 0).map_err(wrong)?), from_end(number(to, length).map_err(wrong)?));
                found.extend((from.max(0)..to.min(length)).filter_map(|i| list.get(i as usize)));
            }
            None => {
                let n = number(inside, 0).map_err(wrong)?;
                match usize::try_from(from_end(n)).ok().and_then(|i| list.get(i)) {
                    Some(value) => found.push(value),
                    None => {
                        return Err(format!(
                            "error executing jsonpath: array index out of bounds: index {n}, length {length}"
                        ));
                    }
                }
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn prints_as_kubectl_does() {
        let tree = json!({
            "metadata": {"labels": {"a.b/c": "x"}},
            "spec": {"clusterIP": "10.96.0.7", "ports": [{"name": "a", "port": 80}, {"name": "b", "port": 81}]},
            "items": [{"n": 1}, {"n": 2}]
        });
        let check = |template: &str, expected: &str| {
            let got = print(template, &tree).unwrap_or_else(|error| format!("! {error}"));
            assert_eq!(got, expected, "{template}");
        };
        check("{.spec.clusterIP}", "10.96.0.7");
        check("IP {.spec.clusterIP}:{.spec.ports[0].port}{\"\\n\"}", "IP 10.96.0.7:80\n");
        check("{.spec.ports[*].port}", "80 81");
        check("{.spec.ports[-1:].name}", "b");
        check("{.spec.ports[?(@.name==\"b\")].port}", "81");
        check("{range .items[*]}{.n}{\",\"}{end}", "1,2,");
        check("{.metadata.labels.a\\.b/c}", "x");
        check("{.metadata.labels['a.b/c']}", "x");
        check("{.nothing.here}", "");
        check("{.spec.ports[0]}", "{\"name\":\"a\",\"port\":80}");
        check("{.spec.ports[9]}", "! error executing jsonpath: array index out of bounds: index 9, length 2");
        check(".spec.clusterIP", "10.96.0.7");
        check("{.spec", "! error parsing jsonpath {.spec, unclosed action");
    }
}
