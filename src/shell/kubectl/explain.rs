//! `kubectl explain`: the fields of a kind, and their types.
//!
//! Stands for `k8s.io/kubectl` `pkg/explain/v2/templates/plaintext.tmpl`. The lab's table of types has no descriptions, no `-required-` and
//! no `enum:` lines: each description is `<no description>`, as the template prints it where there is none, and one line says so.

use super::super::flags::{Flag, switch, value};
use super::{Call, Fail, go_quote};
use crate::manifest::{Schema, Shape, Type};

pub(super) const FLAGS: &[Flag] =
    &[switch("recursive", ' '), value("api-version", ' ', "VERSION"), value("output", 'o', "FORMAT")];

/// How deep `--recursive` goes: no type of the kinds that are served is deeper, but for those that hold themselves.
const DEPTH: usize = 12;

/// `kubectl explain RESOURCE[.FIELD…]`
pub(super) fn explain(call: &mut Call) -> Result<i32, Fail> {
    let words = call.flags.words.clone();
    let path = match words.as_slice() {
        [] => {
            return Err(Fail::Error(
                "You must specify the type of resource to explain. Use \"kubectl api-resources\" for a complete list of supported resources.\n"
                    .into(),
            ));
        }
        [path] => path,
        _ => return Err(Fail::Error("We accept only this format: explain RESOURCE\n".into())),
    };
    let mut steps = path.split('.').filter(|step| !step.is_empty());
    let resource = steps.next().unwrap_or_default();
    let kind = call.kind(resource)?;
    let row = kind.row();
    let schema = Schema::get();
    let api_version =
        if row.group.is_empty() { row.version.to_owned() } else { format!("{}/{}", row.group, row.version) };
    let Some(mut of) = schema.root(&api_version, row.name) else {
        let gvr = format!("{}/{}, Resource={}", row.group, row.version, row.plural);
        return Err(Fail::Error(format!("couldn't find resource for {}", go_quote(&gvr))));
    };
    let mut last: Option<(&str, Type)> = None;
    let mut ended = false;
    for step in steps {
        let Some(field) = schema.field(of, step).filter(|_| !ended) else {
            return Err(Fail::Error(format!("field {} does not exist", go_quote(step))));
        };
        last = Some((step, field));
        match structure(field) {
            Some(inner) => of = inner,
            None => ended = true,
        }
    }
    let mut text = String::new();
    if !row.group.is_empty() {
        text += &format!("GROUP:      {}\n", row.group);
    }
    text += &format!("KIND:       {}\nVERSION:    {}\n\n", row.name, row.version);
    if let Some((name, field)) = last {
        text += &format!("FIELD: {name} <{}>\n\n\n", shown(field));
    }
    text += "DESCRIPTION:\n    <empty>\n";
    if !ended {
        text += "FIELDS:\n";
        fields(&mut text, schema, of, 1, call.flags.on("recursive"));
    }
    call.io.out(text + "\n");
    call.shell.say(
        call.io,
        "the lab has the types of fields, but neither their descriptions nor which are required",
        "实验室只有字段的类型，没有说明，也不标出哪些必填",
    );
    Ok(0)
}

fn fields(text: &mut String, schema: &Schema, of: &str, level: usize, recursive: bool) {
    for (name, field) in schema.fields(of) {
        let indent = "  ".repeat(level);
        *text += &format!("{indent}{name}\t<{}>\n", shown(*field));
        if !recursive {
            *text += &format!("{indent}  <no description>\n\n");
        } else if let Some(inner) = structure(*field).filter(|inner| *inner != of && level < DEPTH) {
            fields(text, schema, inner, level + 1, recursive);
        }
    }
}

/// The struct that a field holds, one or many of.
fn structure(field: Type) -> Option<&'static str> {
    match field.shape() {
        Shape::Struct(name) => Some(name),
        Shape::List(of) | Shape::Map(of) => structure(of),
        _ => None,
    }
}

/// A type as `typeGuess` prints it.
fn shown(field: Type) -> String {
    match field.shape() {
        Shape::String | Shape::Time | Shape::MicroTime | Shape::Bytes => "string".into(),
        Shape::Bool => "boolean".into(),
        Shape::Int32 | Shape::Int64 => "integer".into(),
        Shape::Number => "number".into(),
        Shape::IntOrString => "IntOrString".into(),
        Shape::Quantity => "Quantity".into(),
        Shape::Any => "Object".into(),
        Shape::List(of) => format!("[]{}", shown(of)),
        Shape::Map(of) => format!("map[string]{}", shown(of)),
        Shape::Struct(name) => name.split('@').next().unwrap_or(name).to_owned(),
    }
}
